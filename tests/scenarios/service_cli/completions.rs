//! What shells need to complete the command line.

use std::process::Command;

use super::cli::{Cli, has};
use crate::harness::Home;

#[test]
fn bash_reads_its_completions() {
    let home = Home::new();
    let cli = Cli::at(&home, "http://127.0.0.1:1");
    let script = cli.ok(&["completions", "bash"]);
    let path = home.write("completions.bash", &script);
    let checked = Command::new("bash").arg("-n").arg(&path).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let ask = "source completions.bash; COMP_WORDS=(glasspost tenants cr); COMP_CWORD=2; \
               _glasspost glasspost cr tenants; echo \"${COMPREPLY[@]}\"";
    let completed = Command::new("bash")
        .args(["-c", ask])
        .current_dir(home.path())
        .output()
        .unwrap();
    has(&String::from_utf8_lossy(&completed.stdout), &["create-key"]);
}

#[test]
fn every_shell_gets_completions_of_every_group() {
    let home = Home::new();
    let cli = Cli::at(&home, "http://127.0.0.1:1");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = cli.ok(&["completions", shell]);
        has(
            &script,
            &["tenants", "command-log", "reload-bounce", "send", "sink"],
        );
    }
    has(&cli.error(2, &["completions", "tcsh"]), &["tcsh"]);
}
