//! `glasspost completions`.

use clap::Args;
use clap_complete::Shell;

use super::LogFlags;

const COMPLETIONS_HELP: &str = "\
Examples:
  bash:        glasspost completions bash > ~/.local/share/bash-completion/completions/glasspost
  zsh:         glasspost completions zsh > ~/.zfunc/_glasspost   (with ~/.zfunc in fpath, before compinit)
  fish:        glasspost completions fish > ~/.config/fish/completions/glasspost.fish
  powershell:  glasspost completions powershell | Out-String | Invoke-Expression
  elvish:      glasspost completions elvish > ~/.config/elvish/lib/glasspost.elv";

/// Flags of `glasspost completions`.
#[derive(Args, Clone, Debug)]
#[command(after_help = COMPLETIONS_HELP)]
pub struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum)]
    pub shell: Shell,
    #[command(flatten)]
    pub logs: LogFlags,
}
