//! A few hundred structs; the binary runs more.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

fn structs_agree_with_what_fits_them_and_nothing_else() -> Result<Completion, Failed> {
    let clangs = std::env::var("CLANG").unwrap_or_else(|_| "clang-14 clang".into());
    let mut present =
        clangs.split_whitespace().filter(|clang| bpfmap_differential::version(clang).is_some());
    let Some(clang) = present.next() else {
        let reason = format!("none of these compilers can be run: {clangs}");
        return match std::env::var_os("BPFMAP_REQUIRE_KERNEL") {
            Some(_) => Err(Failed::from(format!("may not be ignored here: {reason}"))),
            None => Ok(Completion::ignored_with(reason)),
        };
    };
    let figures = bpfmap_differential::run(clang, 300, 1).map_err(|error| format!("{error:#}"))?;
    if figures.are_clean() {
        return Ok(Completion::Completed);
    }
    Err(Failed::from(format!("{}\n\n{figures}", figures.failures.join("\n\n=== "))))
}

fn main() -> ExitCode {
    let test = structs_agree_with_what_fits_them_and_nothing_else;
    let trial = Trial::ignorable_test("structs_agree_with_what_fits_them_and_nothing_else", test);
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}
