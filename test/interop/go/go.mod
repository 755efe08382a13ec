// Only marks the module's root: each build names the module file of one ttrpc version, go.vX.Y.Z.mod.
module interop

go 1.22
