/** Lines of programs that colour what they say: what is to be shown, and how. */

/** @typedef {{text: string, colour: string}} Piece */

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what those sequences begin with
const SEQUENCE = /\u001b\[([\d;]*)([A-Za-z])|\u001b\][^\u0007]*(?:\u0007|$)/g;
const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const NORMAL = 30;
const BRIGHT = 90;

/**
 * The pieces of a line, each in one colour; empty for that of the text around.
 * @param {string} line
 * @returns {Piece[]}
 */
export function pieces(line) {
  const found = [];
  let colour = "";
  let at = 0;
  for (const match of line.matchAll(SEQUENCE)) {
    if (match.index > at) found.push({ text: line.slice(at, match.index), colour });
    at = match.index + match[0].length;
    if (match[2] === "m") colour = colourAfter(match[1] ?? "", colour);
  }
  if (at < line.length) found.push({ text: line.slice(at), colour });
  return found;
}

/**
 * @param {string} codes
 * @param {string} before
 */
function colourAfter(codes, before) {
  let colour = before;
  for (const code of codes.split(";").map(Number)) {
    if (code === 0 || code === NORMAL + 9) colour = "";
    else colour = COLOURS[code - NORMAL] ?? COLOURS[code - BRIGHT] ?? colour;
  }
  return colour;
}
