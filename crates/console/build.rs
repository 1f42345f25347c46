//! Says what is missing when the dashboard's assets are not built.

use std::path::Path;

/// Where the assets are, from this room.
const ASSETS: &str = "../../web/dist";

fn main() {
    println!("cargo::rerun-if-changed={ASSETS}");
    if !Path::new(ASSETS).join("index.html").is_file() {
        println!(
            "cargo::error=the dashboard's assets are not built: run `make web` (needs Node.js 18 or newer with npm)"
        );
    }
}
