//! Finds the descriptors of Temporal's API, whose file name has its version.

use std::path::PathBuf;

fn main() -> Result<(), String> {
    let folder = "../data/temporal";
    println!("cargo:rerun-if-changed={folder}");
    let entries = std::fs::read_dir(folder).map_err(|error| format!("cannot read {folder}: {error}"))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let found: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "binpb")).collect();
    let [descriptors] = found.as_slice() else {
        return Err(format!("expected one .binpb in {folder}, found {found:?}"));
    };
    let descriptors = descriptors.canonicalize().map_err(|error| error.to_string())?;
    println!("cargo:rustc-env=TEMPORAL_DESCRIPTORS={}", descriptors.display());
    Ok(())
}
