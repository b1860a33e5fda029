//! A report for people.

use std::fmt::{self, Display, Formatter};

use anstyle::{AnsiColor, Style};

use super::jobs::Fitness;
use super::report::{Check, Fix, Report, Verdict};

/// In this order they are shown: what is to be done comes first.
const ORDER: [Verdict; 4] = [Verdict::Fail, Verdict::Warn, Verdict::Unknown, Verdict::Pass];

/// As wide as the longest verdict, and as most ids.
const VERDICT: usize = 7;
const ID: usize = 21;

/// So wide are lines at most, where they can be broken.
const WIDTH: usize = 100;

/// A report, with or without colours.
struct Drawn<'a> {
    report: &'a Report,
    colors: bool,
}

impl Report {
    /// As `Display` draws it, in a terminal's colours. `{:#}` does as there.
    pub fn colored(&self) -> impl Display + '_ {
        Drawn { report: self, colors: true }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Drawn { report: self, colors: false }.fmt(f)
    }
}

impl Display for Drawn<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let checks = &self.report.checks;
        for (number, verdict) in ORDER.into_iter().enumerate() {
            let count = checks.iter().filter(|check| check.verdict == verdict).count();
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {verdict}")?;
        }
        f.write_str("\n\n")?;
        for verdict in ORDER {
            for check in checks.iter().filter(|check| check.verdict == verdict) {
                self.check(f, check)?;
            }
        }
        f.write_str("\nthis process can\n")?;
        self.report.jobs().iter().try_for_each(|fitness| self.fitness(f, fitness))
    }
}

impl Drawn<'_> {
    fn check(&self, f: &mut Formatter<'_>, check: &Check) -> fmt::Result {
        let all = f.alternate();
        if check.waits_for.is_some() && !all {
            // It is in the line of what it waits for.
            return Ok(());
        }
        self.paint(f, check.verdict, format_args!("{:VERDICT$}", check.verdict))?;
        write!(f, "  {:ID$}  ", check.id)?;
        wrap(f, VERDICT + ID + 4, &check.found)?;
        if check.verdict != Verdict::Pass || all {
            detail(f, "needed:", check.needed)?;
        }
        if let Some(other) = check.waits_for {
            detail(f, "waits for:", other)?;
        }
        for (number, fix) in check.fixes.iter().enumerate() {
            let said = match fix {
                Fix::Command(command) if !all => self.said_before(check, command),
                _ => None,
            };
            match (fix, number) {
                _ if let Some(other) = said => {
                    detail(f, "type:", &format!("the same as for {other}"))?;
                }
                // A command is to be copied, so it stays on its line.
                (Fix::Command(command), 0) => writeln!(f, "{:VERDICT$}  type: {command}", "")?,
                (Fix::Command(command), _) => writeln!(f, "{:VERDICT$}  or type: {command}", "")?,
                (Fix::Step(step), 0) => detail(f, "do:", step)?,
                (Fix::Step(step), _) => detail(f, "or:", step)?,
            }
        }
        let waiting = self.report.checks.iter().filter(|other| other.waits_for == Some(check.id));
        let waiting: Vec<_> = waiting.map(|check| check.id).collect();
        if !waiting.is_empty() && !all {
            detail(f, "waiting for it:", &waiting.join(", "))?;
        }
        Ok(())
    }

    /// The check that is shown before this one and says the same command.
    fn said_before(&self, check: &Check, command: &str) -> Option<&'static str> {
        let shown = ORDER.into_iter().flat_map(|verdict| {
            self.report.checks.iter().filter(move |check| check.verdict == verdict)
        });
        let mut before = shown.take_while(|other| other.id != check.id);
        let says_it = |other: &&Check| {
            let is_it = |fix: &Fix| matches!(fix, Fix::Command(known) if known == command);
            other.waits_for.is_none() && other.fixes.iter().any(is_it)
        };
        before.find(says_it).map(|other| other.id)
    }

    fn fitness(&self, f: &mut Formatter<'_>, fitness: &Fitness) -> fmt::Result {
        let word = match fitness.verdict {
            Verdict::Pass | Verdict::Warn => "yes",
            Verdict::Unknown => "unknown",
            Verdict::Fail => "no",
        };
        self.paint(f, fitness.verdict, format_args!("{word:VERDICT$}"))?;
        write!(f, "  {}", fitness.job)?;
        match fitness.because.as_slice() {
            [] => writeln!(f),
            because => writeln!(f, ": {}", because.join(", ")),
        }
    }

    fn paint(
        &self,
        f: &mut Formatter<'_>,
        verdict: Verdict,
        text: fmt::Arguments<'_>,
    ) -> fmt::Result {
        let style = match verdict {
            _ if !self.colors => Style::new(),
            Verdict::Pass => AnsiColor::Green.on_default(),
            Verdict::Warn => AnsiColor::Yellow.on_default(),
            Verdict::Unknown => AnsiColor::Cyan.on_default(),
            Verdict::Fail => AnsiColor::Red.on_default().bold(),
        };
        write!(f, "{style}{text}{style:#}")
    }
}

fn detail(f: &mut Formatter<'_>, word: &str, text: &str) -> fmt::Result {
    write!(f, "{:VERDICT$}  {word} ", "")?;
    wrap(f, VERDICT + word.len() + 3, text)
}

/// Writes words in lines, of which the first begins at a column and the others
/// below it.
fn wrap(f: &mut Formatter<'_>, column: usize, text: &str) -> fmt::Result {
    let mut at = column;
    for (number, word) in text.split(' ').enumerate() {
        let len = word.chars().count();
        if number > 0 && at + 1 + len > WIDTH {
            write!(f, "\n{:column$}", "")?;
            at = column;
        } else if number > 0 {
            f.write_str(" ")?;
            at += 1;
        }
        f.write_str(word)?;
        at += len;
    }
    f.write_str("\n")
}
