//! `bpfmap maps --stale`, and the removal of pins. Each test names its own map, as
//! others are stale too.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use aya::Ebpf;
use bpfmap::Inventory;
use nix::pty::{Winsize, openpty};

use crate::command::{bpfmap, command, nobody};
use crate::support::*;

trials! {
    [Need::Bpf, Need::Bpffs] => [
        a_map_that_only_its_pin_keeps_is_shown,
        nothing_is_removed_without_a_word,
        with_yes_the_pins_of_what_is_shown_go,
        the_pins_of_what_a_pinned_program_uses_stay,
        in_a_pid_namespace_no_pin_is_removed,
        a_pin_is_named_without_what_speaks_to_a_terminal,
        somebody_at_a_terminal_is_asked,
        without_the_right_to_list_maps_pins_are_shown_and_stay,
        who_is_out_of_sight_is_said_where_it_matters,
        without_privilege_no_map_is_called_stale,
    ]
    [Need::Bpf] => [
        a_map_that_is_used_is_not_stale,
        a_map_that_a_process_has_open_is_idle_and_not_stale,
        without_the_list_of_maps_nothing_is_said_of_them,
    ]
}

/// Pins of maps that nothing else keeps.
fn pinned(bpffs: &Bpffs) -> TestResult<[(u32, PathBuf); 2]> {
    let mut all = Vec::new();
    for name in ["one", "other"] {
        let ebpf = Ebpf::load(FLOWS)?;
        let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
        let path = bpffs.path().join(name);
        data.pin(&path)?;
        all.push((data.info()?.id(), path));
    }
    Ok([all.remove(0), all.remove(0)])
}

fn a_map_that_only_its_pin_keeps_is_shown() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let [(id, path), _] = pinned(&bpffs)?;
    let ran = bpfmap(&format!("maps --stale {id}"));
    let inventory = Inventory::read();
    assert_eq!(ran.code, Some(1));
    assert_eq!(
        ran.out,
        format!(
            "hash `flows` (id {id}): only pins keep it: no program uses it, and no process{} has it \
             open\n    pinned at {}\n",
            if inventory.is_complete() { "" } else { " that could be looked at" },
            path.display()
        )
    );
    let ran = bpfmap("maps --stale --json");
    let found = ran.json().into_iter().find(|map| map["id"] == id).ok_or("not shown")?;
    assert_eq!((ran.code, &found["stale"]), (Some(1), &"pinned".into()));
    assert_eq!(found["holders"]["pins"][0]["path"], path.display().to_string());
    Ok(())
}

fn a_map_that_is_used_is_not_stale() -> TestResult {
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut aya::programs::Xdp =
        ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    let ran = bpfmap(&format!("maps --stale {}", data.info()?.id()));
    assert_eq!((ran.code, &*ran.out), (Some(0), "no stale maps\n"), "{ran:?}");
    Ok(())
}

fn a_map_that_a_process_has_open_is_idle_and_not_stale() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    let id = data.info()?.id();
    let ran = bpfmap(&format!("maps --stale {id}"));
    assert_eq!((ran.code, &*ran.out), (Some(0), "no stale maps\n"), "{ran:?}");
    let said = format!(
        "only process {} has it open: no program uses it, and it is not pinned\n",
        std::process::id()
    );
    // Another test's child has it open too before it becomes another program.
    let until = |arguments: &str, end: &str| {
        let mut all = (0..100).map(|_| bpfmap(arguments));
        all.find(|ran| ran.out.ends_with(end)).ok_or(format!("{arguments}: never {end}"))
    };
    let ran = until(&format!("maps --idle {id}"), &said)?;
    assert_eq!((ran.code, ran.out), (Some(1), format!("hash `flows` (id {id}): {said}")));
    let ran = until(&format!("maps {id}"), &format!("  idle: {said}"))?;
    assert!(!ran.out.contains("nobody") && !ran.out.contains("stale"), "{ran:?}");
    let [map] = &*bpfmap(&format!("maps --json {id}")).json() else { panic!("one line") };
    assert_eq!((&map["idle"], &map["stale"]), (&true.into(), &().into()));
    Ok(())
}

fn without_the_list_of_maps_nothing_is_said_of_them() -> TestResult {
    for arguments in ["maps", "maps --json", "maps --stale", "maps --stale --json", "maps --idle"] {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--bounding-set=-all", "--inh-caps=-all"]);
        let command = command.arg(env!("CARGO_BIN_EXE_bpfmap"));
        let output = command.args(arguments.split(' ')).output()?;
        let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {err}");
        assert!(err.contains("the kernel's maps cannot be listed"), "{arguments}: {err}");
        // There may be some that are pinned where everybody may open them.
        assert!(
            !out.starts_with("no ") && out.lines().count() != 1 || out.starts_with('{'),
            "{out}"
        );
    }
    Ok(())
}

fn who_is_out_of_sight_is_said_where_it_matters() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let [(_, path), _] = pinned(&bpffs)?;
    // This process has a capability that the command has not.
    let said = |arguments: &str| -> TestResult<String> {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]);
        let command = command.arg(env!("CARGO_BIN_EXE_bpfmap"));
        let output = command.args(arguments.split(' ')).arg(&path).output()?;
        Ok(String::from_utf8(output.stderr)?)
    };
    // That it is pinned is seen, and who else has it open does not change that.
    for arguments in ["maps", "maps --idle"] {
        assert_eq!(said(arguments)?, "", "{arguments}");
    }
    let err = said("maps --stale")?;
    assert!(
        err.ends_with(" could not be looked at, and may have such a map open; -v says why\n"),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1, "{err}");
    for arguments in ["maps -v", "maps --stale -v"] {
        let err = said(arguments)?;
        assert!(err.contains("capabilities that this process has not"), "{err}");
        assert!(err.contains("; CAP_SYS_PTRACE reads them all"), "{arguments}: {err}");
    }
    Ok(())
}

/// A program and a process use it, and neither is seen.
fn without_privilege_no_map_is_called_stale() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("flows");
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut aya::programs::Xdp =
        ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    data.pin(&path)?;
    for (path, mode) in [(bpffs.path(), 0o755), (&path, 0o444)] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode))?;
    }
    let id = data.info()?.id();
    let pin = path.to_str().ok_or("no text")?;
    let not_told = format!("bpfmap: it cannot be told whether hash `flows` (id {id}) is ");
    let ran = nobody(&["maps", "--pin", pin])?;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("maybe others") && !ran.out.contains("stale"), "{ran:?}");
    let ran = nobody(&["maps", "--json", "--pin", pin])?;
    let [map] = &*ran.json() else { panic!("{ran:?}") };
    let said = [&map["holders_complete"], &map["stale"], &map["idle"]];
    assert_eq!(said.map(ToString::to_string), ["false", "null", "null"]);
    for (arguments, what) in [
        (&["maps", "--stale", "--pin", pin][..], "stale\n"),
        (&["maps", "--stale", "--idle", "--json", "--pin", pin], "stale or idle\n"),
        (&["maps", "--stale", "--unpin", "--yes", "--incomplete", "--pin", pin], "stale\n"),
    ] {
        let ran = nobody(arguments)?;
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
        assert!(ran.err.ends_with(&format!("{not_told}{what}")), "{ran:?}");
    }
    // It is not: it has a pin.
    let ran = nobody(&["maps", "--idle", "--pin", pin])?;
    assert_eq!((ran.code, &*ran.out), (Some(0), "no idle maps\n"), "{ran:?}");
    assert!(path.exists());
    Ok(())
}

fn nothing_is_removed_without_a_word() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let [(id, path), _] = pinned(&bpffs)?;
    let ran = bpfmap(&format!("maps --stale --unpin --incomplete {id}"));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.err.contains("bpfmap: nothing is removed: say --yes to remove this pin"),
        "{ran:?}"
    );
    assert!(ran.err.contains(&path.display().to_string()), "{ran:?}");
    assert!(path.exists());
    // The words go together.
    for arguments in [format!("maps --unpin {id}"), format!("maps --stale --yes {id}")] {
        assert_eq!(bpfmap(&arguments).code, Some(2), "{arguments}");
    }
    assert!(path.exists());
    Ok(())
}

fn with_yes_the_pins_of_what_is_shown_go() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let [(id, path), (_, other)] = pinned(&bpffs)?;
    let ran = bpfmap(&format!("maps --stale --unpin --yes --incomplete {id}"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.ends_with(&format!("removed {}\n", path.display())), "{ran:?}");
    assert!(!path.exists());
    assert!(other.exists(), "it was not asked for");
    Ok(())
}

/// Who uses the map may be outside of it, as in a container.
fn in_a_pid_namespace_no_pin_is_removed() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let [(id, path), _] = pinned(&bpffs)?;
    let mut command = std::process::Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", env!("CARGO_BIN_EXE_bpfmap")]);
    let arguments = ["maps", "--stale", "--unpin", "--yes", "--id", &id.to_string()];
    let output = command.args(arguments).output()?;
    let err = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{err}");
    let said = "not all is shown: processes outside of this PID namespace, ";
    assert!(err.contains(said) && err.contains("bpfmap: no pin is removed, "), "{err}");
    assert!(path.exists());
    Ok(())
}

/// It may be attached in one of the ways that leave no link.
fn the_pins_of_what_a_pinned_program_uses_stay() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let (path, program_path) = (bpffs.path().join("flows"), bpffs.path().join("program"));
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut aya::programs::Xdp =
        ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    program.pin(&program_path)?;
    let program_id = program.info()?.id();
    let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    data.pin(&path)?;
    let id = data.info()?.id();
    drop(ebpf);
    // Another test's child has it open too before it becomes another program.
    let mut all =
        (0..100).map(|_| bpfmap(&format!("maps --stale --unpin --yes --incomplete {id}")));
    let ran = all.find(|ran| ran.out.starts_with("hash")).ok_or("never stale")?;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let said = format!(
        "bpfmap: hash `flows` (id {id}): its pin stays, as more keeps it: only program {program_id} \
         uses it, pinned and attached by no link"
    );
    assert!(ran.err.contains(&said), "{ran:?}");
    assert!(path.exists() && program_path.exists());
    std::fs::remove_file(&program_path)?;
    let mut all =
        (0..100).map(|_| bpfmap(&format!("maps --stale --unpin --yes --incomplete {id}")));
    let ran = all.find(|ran| ran.out.contains("removed")).ok_or("never removed")?;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!path.exists());
    Ok(())
}

fn a_pin_is_named_without_what_speaks_to_a_terminal() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let [(id, path), _] = pinned(&bpffs)?;
    let odd = bpffs.path().join("\u{1b}[2K\nremoved");
    std::fs::rename(&path, &odd)?;
    let shown = format!("{}/\\u{{1b}}[2K\\nremoved", bpffs.path().display());
    for (arguments, is_told) in [
        (format!("maps {id}"), format!("pin {shown}\n")),
        ("maps".into(), shown.clone()),
        (format!("maps --stale {id}"), format!("    pinned at {shown}\n")),
        (format!("maps --stale --unpin --incomplete {id}"), format!("with them\n    {shown}\n")),
        (format!("maps --stale --unpin --incomplete --yes {id}"), format!("\nremoved {shown}\n")),
    ] {
        let ran = bpfmap(&arguments);
        assert!((ran.out + &ran.err).contains(&is_told), "{arguments}: {is_told}");
    }
    assert!(!odd.exists());
    Ok(())
}

fn somebody_at_a_terminal_is_asked() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let [(id, path), _] = pinned(&bpffs)?;
    let answer = |line: &str| -> TestResult<(Option<i32>, String)> {
        let terminal = openpty(None::<&Winsize>, None)?;
        let mut command = command(&["maps", "--stale", "--unpin", "--incomplete", &id.to_string()]);
        let child = command.stdin(terminal.slave).spawn()?;
        drop(command);
        File::from(terminal.master.try_clone()?).write_all(line.as_bytes())?;
        let output = child.wait_with_output()?;
        Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into()))
    };
    let question = format!(
        "    {}\nRemove this pin, and what is in the maps with them? [y/N] ",
        path.display()
    );
    let (code, err) = answer("\n")?;
    assert_eq!(code, Some(1));
    assert!(err.contains(&format!("{question}bpfmap: nothing is removed\n")), "{err}");
    assert!(path.exists());
    let (code, err) = answer("y\n")?;
    assert_eq!(code, Some(0));
    assert!(err.contains(&question), "{err}");
    assert!(!path.exists());
    Ok(())
}

fn without_the_right_to_list_maps_pins_are_shown_and_stay() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let [(id, path), _] = pinned(&bpffs)?;
    let without = |arguments: &str| {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]);
        command.arg(env!("CARGO_BIN_EXE_bpfmap")).args(arguments.split(' ')).output()
    };
    let said = "bpfmap: not all is shown: the kernel's maps cannot be listed: Operation not permitted \
                (os error 1); it needs CAP_SYS_ADMIN\n";
    let output = without("maps --json")?;
    let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains(said), "{err}");
    // It was named, and looked at.
    let output = without(&format!("maps {}", path.display()))?;
    assert_eq!(output.status.code(), Some(0));
    let line = out.lines().find(|line| line.contains(&path.display().to_string()));
    let map: serde_json::Value = serde_json::from_str(line.ok_or(out.clone())?)?;
    assert_eq!((&map["id"], &map["name"]), (&id.into(), &"flows".into()));
    assert_eq!(map["holders_complete"], false);
    let output = without(&format!("maps --stale --unpin --yes {}", path.display()))?;
    let err = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(
        err.contains("no pin is removed, as somebody who was not seen may use the maps"),
        "{err}"
    );
    assert!(path.exists());
    let output = without("dump flows")?;
    let err = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("name its pin instead, with --pin"), "{err}");
    Ok(())
}
