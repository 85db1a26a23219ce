// Make Contact Sheet: puts all images of a folder onto one, side by side, in the order of their numbers.

const JOB_TYPE = {
  label: "Make Contact Sheet",
  description: "Put many images onto one.",
  settings: [
    {
      key: "images",
      type: "string",
      subtype: "file_path",
      required: true,
      description: "Pattern of the images, such as /renders/shot/*.png, on storage that all workers can reach",
    },
    {
      key: "output_file",
      type: "string",
      subtype: "file_path",
      required: true,
      description: "The sheet to write; its folder must exist, and its extension says in which format",
    },
    { key: "columns", type: "int32", default: 5, propargs: { min: 1 }, description: "Images side by side" },
    { key: "tile_width", type: "int32", default: 320, propargs: { min: 1 }, description: "Pixels across, per image" },
    { key: "tile_height", type: "int32", default: 180, propargs: { min: 1 }, description: "Pixels down, per image" },
  ],
};

function compileJob(job) {
  // Not every client fills in defaults.
  const { images, output_file, columns = 5, tile_width = 320, tile_height = 180 } = job.settings;
  if (!images) throw 'setting "images" is missing: write a pattern, such as /renders/shot/*.png';
  if (!output_file) throw 'setting "output_file" is missing: write where the sheet goes';

  const task = author.Task("contact-sheet", "misc");
  task.addCommand(
    author.Command("make-contact-sheet", {
      images: images,
      outputFile: output_file,
      columns: columns,
      tileWidth: tile_width,
      tileHeight: tile_height,
    }),
  );
  job.addTask(task);
}
