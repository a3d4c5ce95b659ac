"use strict";

// ReDoc shows the logo of its maker, which it loads from their server, and has no option against that. Without a source
// the image fails, and ReDoc removes it.
HTMLImageElement.prototype.setAttribute = function (name, value) {
  const isForeign = name === "src" && new URL(value, document.baseURI).origin !== location.origin;
  Element.prototype.setAttribute.call(this, name, isForeign ? "" : value);
};
