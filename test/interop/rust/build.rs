use std::path::Path;
use std::{env, fs};

use ttrpc_codegen::{Codegen, Customize};

fn main() {
    println!("cargo:rerun-if-changed=../../interop.proto");
    Codegen::new()
        .include("../..")
        .input("../../interop.proto")
        .rust_protobuf()
        .customize(Customize {
            async_all: true,
            ..Default::default()
        })
        .run()
        .expect("interop.proto compiles");
    // Its own mod.rs cannot be included: it begins with an inner attribute.
    let out = env::var("OUT_DIR").expect("cargo names it");
    let modules = ["interop", "interop_ttrpc"].map(|name| {
        format!(
            "#[path = {:?}]\npub mod {name};\n",
            Path::new(&out).join(name).with_extension("rs")
        )
    });
    fs::write(Path::new(&out).join("modules.rs"), modules.concat())
        .expect("the modules are listed");
}
