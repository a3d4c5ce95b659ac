// Decodes blurhashes (https://github.com/woltapp/blurhash/blob/master/Algorithm.md) into small canvases.

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
const SIDE = 32;

const number = (text) => [...text].reduce((value, digit) => value * 83 + DIGITS.indexOf(digit), 0);
const toLinear = (value) => (value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
const fromLinear = (value) => {
  const channel = Math.min(Math.max(value, 0), 1);
  return Math.round((channel <= 0.0031308 ? channel * 12.92 : 1.055 * channel ** (1 / 2.4) - 0.055) * 255);
};
const signedSquare = (value) => Math.sign(value) * value * value;

/** The pixels of a blurhash as RGBA, or null if it is malformed. */
export function decode(hash, width, height) {
  const size = number(hash[0] ?? "");
  const columns = (size % 9) + 1;
  const rows = Math.floor(size / 9) + 1;
  if (hash.length !== 4 + 2 * columns * rows) return null;
  const largest = (number(hash[1]) + 1) / 166;
  const average = number(hash.slice(2, 6));
  const colours = [[average >> 16, (average >> 8) & 255, average & 255].map(toLinear)];
  for (let at = 6; at < hash.length; at += 2) {
    const value = number(hash.slice(at, at + 2));
    const parts = [Math.floor(value / 361), Math.floor(value / 19) % 19, value % 19];
    colours.push(parts.map((part) => signedSquare((part - 9) / 9) * largest));
  }
  const waves = (count, length) =>
    Array.from({ length }, (_, place) =>
      Array.from({ length: count }, (_, wave) => Math.cos((Math.PI * place * wave) / length)),
    );
  const across = waves(columns, width);
  const down = waves(rows, height);
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sum = [0, 0, 0];
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const weight = across[x][column] * down[y][row];
          const colour = colours[row * columns + column];
          for (let channel = 0; channel < 3; channel++) sum[channel] += colour[channel] * weight;
        }
      }
      pixels.set([...sum.map(fromLinear), 255], (y * width + x) * 4);
    }
  }
  return pixels;
}

/** Paint the blurhash of a `.photo` below its image. */
export function paint(photo) {
  const image = photo.querySelector("img");
  if (image.complete || photo.querySelector("canvas")) return;
  const ratio = image.height && image.width ? image.getAttribute("width") / image.getAttribute("height") : 1;
  const width = ratio >= 1 ? SIDE : Math.max(Math.round(SIDE * ratio), 1);
  const height = ratio >= 1 ? Math.max(Math.round(SIDE / ratio), 1) : SIDE;
  const pixels = decode(photo.dataset.blurhash, width, height);
  if (!pixels) return;
  const canvas = Object.assign(document.createElement("canvas"), { width, height, className: "blur" });
  canvas.setAttribute("aria-hidden", "true");
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  photo.querySelector(".ratio").after(canvas);
}
