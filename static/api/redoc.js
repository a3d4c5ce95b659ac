"use strict";

// ReDoc shows the logo of its maker, which it loads from their server, and has no option against that. Without a source
// the image fails, and ReDoc removes it.
const { set: setSource } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
const local = (url) => (["null", location.origin].includes(new URL(url, document.baseURI).origin) ? url : "");

Object.defineProperty(HTMLImageElement.prototype, "src", {
  set(url) {
    setSource.call(this, local(url));
  },
});
HTMLImageElement.prototype.setAttribute = function (name, value) {
  Element.prototype.setAttribute.call(this, name, name === "src" ? local(value) : value);
};
