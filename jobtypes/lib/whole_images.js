// Python that tells whole images from halves: the function `is_whole(path)`.
//
// Blender itself opens half an image, and shows what there is of it. A writer that was ended leaves a file that stops
// early, or nothing in it, or zeros, so it is enough to see whether all parts are there that the file says it has.
// What is none of Blender's formats cannot be told, and so is not whole.

module.exports = String.raw`
import mmap, struct, zlib

def is_whole(path):
    try:
        with open(path, 'rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for start, check in CHECKS.items():
                if data[:len(start)] == start:
                    return check(data)
            return format.startswith('TARGA') and whole_tga(data)
    except (OSError, ValueError, IndexError, KeyError, struct.error, zlib.error):
        return False

def read(data, form, at):
    values = struct.unpack_from(form, data, at)
    return values[0] if len(values) == 1 else values

def whole_png(data):
    at, kind = 8, b''
    while kind != b'IEND':
        size, kind = read(data, '>I4s', at)
        if zlib.crc32(data[at + 4:at + 8 + size]) != read(data, '>I', at + 8 + size):
            return False
        at += 12 + size
    return True

def whole_jpeg(data):
    return data[-2:] == b'\xff\xd9'

def size_at(form, at, more=0):
    return lambda data: 0 < read(data, form, at) + more <= len(data)

def whole_tiff(data):
    order = '<' if data[:1] == b'I' else '>'
    first, tags = read(data, order + 'I', 4), {}
    for at in range(first + 2, first + 2 + 12 * read(data, order + 'H', first), 12):
        tag, kind, count = read(data, order + 'HHI', at)
        if kind in (3, 4):
            where = at + 8 if count * (kind - 2) * 2 <= 4 else read(data, order + 'I', at + 8)
            tags[tag] = struct.unpack_from(order + str(count) + ' HI'[kind - 2], data, where)
    starts, sizes = (tags[273], tags[279]) if 273 in tags else (tags[324], tags[325])
    for start, size in zip(starts, sizes):
        if not start or not size or start + size > len(data):
            return False
        if tags[259][0] in (8, 32946):
            zlib.decompress(data[start:start + size])
    return len(starts) == len(sizes)

def exr_header(data, at):
    header = {}
    while data[at]:
        name_end = data.find(b'\0', at)
        kind_end = data.find(b'\0', name_end + 1)
        size = read(data, '<I', kind_end + 1)
        header[data[at:name_end]] = data[kind_end + 5:kind_end + 5 + size]
        at = kind_end + 5 + size
    return header, at + 1

def exr_chunks(header):
    if b'chunkCount' in header:
        return read(header[b'chunkCount'], '<I', 0)
    low, high = struct.unpack('<4i', header[b'dataWindow'])[1::2]
    rows = (1, 1, 1, 16, 32, 16, 32, 32, 32, 256)[header[b'compression'][0]]
    return -((low - high - 1) // rows)

def whole_exr(data):
    parts = bool(read(data, '<I', 4) & 0x1000)
    header, at = exr_header(data, 8)
    headers = [header]
    while parts and data[at]:
        header, at = exr_header(data, at)
        headers.append(header)
    count = sum(exr_chunks(header) for header in headers)
    for place in struct.unpack_from('<%dQ' % count, data, at + parts):
        size = read(data, '<I', place + 4 + 4 * parts)
        if not place or not size or place + 8 + 4 * parts + size > len(data):
            return False
    return True

def whole_iris(data):
    packed, depth, _, width, height, channels = read(data, '>BBHHHH', 2)
    if not packed:
        return 512 + width * height * channels * depth <= len(data)
    count = height * channels
    starts = struct.unpack_from('>%dI' % count, data, 512)
    sizes = struct.unpack_from('>%dI' % count, data, 512 + 4 * count)
    return all(start and size and start + size <= len(data) for start, size in zip(starts, sizes))

def whole_hdr(data):
    at = data.find(b'\n\n') + 2
    end = data.find(b'\n', at)
    _, height, _, width = data[at:end].split()
    at = end + 1
    for _ in range(int(height)):
        if data[at:at + 2] != b'\2\2':
            at += 4 * int(width)
            continue
        at += 4
        for _ in range(4):
            left = int(width)
            while left > 0:
                run = data[at]
                if not run:
                    return False
                at, left = (at + 2, left - run + 128) if run > 128 else (at + 1 + run, left - run)
    return at <= len(data)

def whole_tga(data):
    width, height, depth = read(data, '<HHB', 12)
    at, left, size = 18 + data[0], width * height, depth // 8
    if data[2] < 8:
        return 0 < left and at + left * size <= len(data)
    while left > 0:
        run = data[at]
        at, left = at + 1 + size * (1 if run > 127 else run + 1), left - run % 128 - 1
    return at <= len(data)

CHECKS = {
    b'\x89PNG': whole_png,
    b'\xff\xd8\xff': whole_jpeg,
    b'\0\0\0\x0cjP': whole_jpeg,
    b'\xff\x4f\xff\x51': whole_jpeg,
    b'II*\0': whole_tiff,
    b'MM\0*': whole_tiff,
    b'v/1\x01': whole_exr,
    b'BM': size_at('<I', 2),
    b'RIFF': size_at('<I', 4, 8),
    b'SDPX': size_at('>I', 16),
    b'XPDS': size_at('<I', 16),
    b'\x80\x2a\x5f\xd7': size_at('>I', 20),
    b'\xd7\x5f\x2a\x80': size_at('<I', 20),
    b'\x01\xda': whole_iris,
    b'#?': whole_hdr,
}
`;
