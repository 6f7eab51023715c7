//! Makes sure that `web/dist` is there to be embedded: a page that says how to build the dashboard when nobody has yet.

use std::path::PathBuf;
use std::{env, fs, io};

const PLACEHOLDER: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Tradewind</title>\n\
    <h1>The dashboard is not in this program</h1>\n\
    <p>It was built without <code>web/dist</code>. Run <code>make build</code> and start again. The API works all the same.</p>\n\
    </html>\n";

fn main() -> io::Result<()> {
    // Asked when it runs, not when it is compiled: several clones may share one target directory.
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(PathBuf::new, PathBuf::from);
    let dist = package.join("../../web/dist");
    println!("cargo:rerun-if-changed={}", dist.display());
    if !dist.join("index.html").exists() {
        fs::create_dir_all(&dist)?;
        fs::write(dist.join("index.html"), PLACEHOLDER)?;
    }
    Ok(())
}
