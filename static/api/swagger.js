"use strict";

// A plugin of Swagger UI, which otherwise needs seconds to resolve the references of a document of this size. This one
// has only references to its own components.
const LocalReferences = () => ({
  fn: {
    resolveSubtree: async (document, path) => ({ errors: [], spec: resolved(document, at(document, path)) }),
  },
});

const at = (document, path) => path.reduce((node, key) => node?.[key], document);

function resolved(document, node, within = []) {
  if (Array.isArray(node)) return node.map((item) => resolved(document, item, within));
  if (node === null || typeof node !== "object") return node;
  const reference = node.$ref;
  if (typeof reference === "string") {
    if (within.includes(reference)) return node;
    const target = resolved(document, at(document, reference.slice(2).split("/")), [...within, reference]);
    // Swagger UI takes the name of a schema from it.
    return reference.startsWith("#/components/schemas/") ? { ...target, $$ref: reference } : target;
  }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolved(document, value, within)]));
}
