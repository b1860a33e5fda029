//! `bpfmap check`: what is wrong with an object, for CI.

use std::fmt::{self, Display, Formatter};
use std::io::Write;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use bpfmap::Findings;
use bpfmap::lint::{Finding, Severity};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::Found;
use crate::file::read;
use crate::output::Output;
use crate::text::Printable;

/// Objects to look at.
#[derive(Clone, Debug, Args)]
pub(crate) struct CheckArgs {
    /// The objects that the compiler of the BPF programs wrote; `-` is standard input.
    #[arg(value_name = "OBJECT", required = true)]
    objects: Vec<PathBuf>,

    /// How to write what is found.
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "json")]
    format: Format,

    /// From how bad a finding on the exit code is 1.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = Deny::Errors)]
    deny: Deny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: one value for each object, a line each.
    Json,
    /// For GitHub Actions: annotations at the lines of the source.
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    Errors,
    Warnings,
    Notes,
}

impl Deny {
    fn severity(self) -> Severity {
        match self {
            Self::Errors => Severity::Error,
            Self::Warnings => Severity::Warning,
            Self::Notes => Severity::Note,
        }
    }
}

/// What was found in one object.
#[derive(Serialize)]
struct Report<'a> {
    object: &'a Path,
    #[serde(flatten)]
    findings: &'a Findings,
}

impl CheckArgs {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Found> {
        let (mut found, mut not_looked) = (Found::Nothing, false);
        for object in &self.objects {
            let findings = match look(object) {
                Ok(findings) => findings,
                Err(error) => {
                    // The others are to be looked at all the same.
                    output.flush()?;
                    anstream::eprintln!("bpfmap: {error:#}");
                    not_looked = true;
                    continue;
                }
            };
            match self.format {
                _ if output.is_json() => output.json(&Report { object, findings: &findings })?,
                Format::Json => output.json(&Report { object, findings: &findings })?,
                Format::Text => text(object, &findings, output)?,
                Format::Github => {
                    for finding in &findings {
                        writeln!(output, "{}", Annotation { object, finding })?;
                    }
                }
            }
            if findings.worst().is_some_and(|worst| worst >= self.deny.severity()) {
                found = Found::Problem;
            }
        }
        Ok(if not_looked { Found::NotLooked } else { found })
    }
}

fn look(object: &Path) -> anyhow::Result<Findings> {
    Findings::of_object(&read(object)?).with_context(|| object.display().to_string())
}

fn text(object: &Path, findings: &Findings, output: &mut Output) -> anyhow::Result<()> {
    let counts =
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let mut line = format!("{}: {}", object.display(), counted(findings.maps(), "map"));
    for (severity, what) in counts {
        match findings.count(severity) {
            0 => {}
            count => line += &format!(", {}", counted(count, what)),
        }
    }
    let nothing = if findings.worst().is_none() { ", nothing found" } else { "" };
    writeln!(output, "{line}{nothing}")?;
    for finding in findings {
        let style = match finding.severity {
            Severity::Error => AnsiColor::Red.on_default().bold(),
            Severity::Warning => AnsiColor::Yellow.on_default().bold(),
            _ => Style::new().bold(),
        };
        writeln!(output, "  {style}{}{style:#}: {}", finding.severity, finding.message)?;
        if let Some(source) = &finding.source {
            write!(output, "    {source}")?;
            match &*source.text {
                "" => writeln!(output)?,
                line => writeln!(output, ": {}", line.printable())?,
            }
        }
        if !finding.advice.is_empty() {
            writeln!(output, "    {}", finding.advice)?;
        }
    }
    Ok(())
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

/// A workflow command, as GitHub's runner reads it.
struct Annotation<'a> {
    object: &'a Path,
    finding: &'a Finding,
}

impl Display for Annotation<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { object, finding } = self;
        f.write_str(match finding.severity {
            Severity::Error => "::error ",
            Severity::Warning => "::warning ",
            _ => "::notice ",
        })?;
        match &finding.source {
            Some(source) => {
                write!(f, "file={},line={}", property(&relative(&source.file)), source.line)?;
                if source.column > 0 {
                    write!(f, ",col={}", source.column)?;
                }
            }
            // There is no line of it.
            None => write!(f, "file={}", property(&relative(&object.to_string_lossy())))?,
        }
        write!(f, ",title={}::", property(&format!("bpfmap: {}", finding.kind.name())))?;
        let text = match &*finding.advice {
            "" => finding.message.clone(),
            advice => format!("{}\n{advice}", finding.message),
        };
        f.write_str(&data(&text))
    }
}

/// A path as it is in the repository, where the command is run at its root.
fn relative(path: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = Path::new(path);
    let path = path.strip_prefix(here).unwrap_or(path);
    path.strip_prefix(".").unwrap_or(path).to_string_lossy().into_owned()
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
