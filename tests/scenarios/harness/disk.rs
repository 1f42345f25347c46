//! A disk that can be full.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Finished, Process, program};

/// A small disk of its own, and a file that fills it.
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts it at a folder, which is made where there is none. `size` is as mount(8) has it, such as `24m`.
    pub fn mount(folder: PathBuf, size: &str) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let options = format!("size={size}");
        run("mount", &["-t", "tmpfs", "-o", &options, "tmpfs"], &folder);
        Self { folder }
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    /// Writes until nothing goes any more.
    pub fn fill(&self) {
        let mut file = File::create(self.ballast()).unwrap();
        for size in [64 * 1024, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Gives back so many bytes of what was filled.
    pub fn leave(&self, bytes: u64) {
        let file = File::options().write(true).open(self.ballast()).unwrap();
        file.set_len(file.metadata().unwrap().len() - bytes)
            .unwrap();
    }

    /// Takes away what it was filled with.
    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["--lazy"], &self.folder);
    }
}

fn run(name: &str, args: &[&str], folder: &Path) -> Finished {
    let mut command = program(name);
    command.args(args).arg(folder);
    Process::start(name, &mut command).wait().expect_code(0)
}
