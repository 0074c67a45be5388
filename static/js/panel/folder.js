/** A folder of images is chosen in the browser: it becomes one zip here, and is sent as the form's file. */

const SIGNS = [
  // what a file's name says of the format, the surest first
  [/(^|\/)dataset\.json$/, "nearer"],
  [/(^|\/)joints\.mat$/, "lsp"],
  [/person_keypoints[^/]*\.json$/, "coco"],
  [/_keypoints\.json$/, "openpose"],
  [/\.csv$/, "csv"],
];

class Folder {
  #file;
  #form;
  #picker;
  #said;

  constructor(file) {
    this.#file = file;
    this.#form = file.form;
    const template = document.getElementById("folder-picker");
    file.parentElement.append(template.content.cloneNode(true));
    this.#picker = file.parentElement.querySelector("[data-folder]");
    this.#said = file.parentElement.querySelector("[data-folder-said]");
    this.#picker.addEventListener("change", () => this.#zip([...this.#picker.files]));
    file.addEventListener("change", () => this.#name(file.files[0]?.name.replace(/\.[a-z]+$/i, "")));
  }

  async #zip(all) {
    const files = all.filter((one) => !one.webkitRelativePath.split("/").some((part) => part.startsWith(".")));
    if (!files.length) return;
    const folder = files[0].webkitRelativePath.split("/")[0];
    const buttons = this.#form.querySelectorAll("[type=submit]");
    for (const button of buttons) button.disabled = true;
    try {
      const parts = await this.#pack(files);
      const carrier = new DataTransfer();
      carrier.items.add(new File(parts, `${folder}.zip`, { type: "application/zip" }));
      this.#file.files = carrier.files;
      this.#said.textContent = `${files.length} files of “${folder}” will be sent.`;
      this.#name(folder);
      this.#guess(files);
    } catch (error) {
      this.#said.textContent = `“${folder}” could not be read (${error.message}). Put it into a zip and upload that.`;
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  }

  /** The zip's bytes. Nothing is compressed: pictures are already. */
  async #pack(files) {
    const { Zip, ZipPassThrough } = await import("../../vendor/fflate.js");
    const parts = [];
    const zip = new Zip((error, bytes) => {
      if (error) throw error;
      parts.push(bytes);
    });
    for (const [number, file] of files.entries()) {
      this.#said.textContent = `Reading ${number + 1} of ${files.length} …`;
      const entry = new ZipPassThrough(file.webkitRelativePath.split("/").slice(1).join("/"));
      zip.add(entry);
      entry.push(new Uint8Array(await file.arrayBuffer()), true);
    }
    zip.end();
    return parts;
  }

  /** The data set's name, where none was given. */
  #name(name) {
    const field = this.#form.elements.name;
    if (name && field && !field.value) field.value = name.slice(0, field.maxLength > 0 ? field.maxLength : 100);
  }

  #guess(files) {
    const names = files.map((file) => file.webkitRelativePath);
    const found = SIGNS.find(([sign]) => names.some((name) => sign.test(name)));
    const radio = found && [...this.#form.elements.format].find((one) => one.value === found[1]);
    if (!radio) return;
    radio.checked = true;
    this.#said.textContent += ` Taken for: ${radio.labels[0]?.textContent.trim() ?? found[1]}.`;
  }
}

const file = document.querySelector("input[type=file][name=file]");
if (file && "webkitdirectory" in file) new Folder(file);
