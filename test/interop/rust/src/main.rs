//! The Rust peer of the interop tests. See ../../interop.proto for what the methods do.
//!
//!     peer serve ADDRESS             says "ready" when it listens; ends when its stdin does
//!     peer call ADDRESS CASE [JSON]  runs one case and prints what it observed as one line of JSON

mod client;
mod server;

mod protocol {
    #![allow(clippy::all, dead_code, unused_imports)]
    include!(concat!(env!("OUT_DIR"), "/modules.rs"));
}

use std::error::Error;

const SERVICE: &str = "interop.v1.Interop";

// One thread: the multi-threaded runtime reorders the frames of a stream.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["serve", address] => server::serve(address).await,
        ["call", address, case] => client::call(address, case, "{}").await,
        ["call", address, case, json] => client::call(address, case, json).await,
        _ => Err("usage: peer serve ADDRESS | peer call ADDRESS CASE [JSON]".into()),
    }
}
