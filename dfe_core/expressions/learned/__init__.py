"""Parts of the import of landmark and mesh sequences onto a face that is learned from them."""
