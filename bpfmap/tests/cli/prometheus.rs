//! `bpfmap watch --prometheus`, scraped by a Prometheus, and by clients of other
//! sorts.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aya::Ebpf;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::*;
use crate::watch::{Watch, fill, id};

trials! {
    [Need::Bpf, Need::Prometheus] => [
        a_prometheus_sees_the_map_fill_up_and_go,
        promtool_has_nothing_to_say,
    ]
    [Need::Bpf] => [
        other_paths_and_methods_are_refused,
        the_format_is_the_one_that_is_asked_for,
        clients_that_say_nothing_do_not_keep_others_out,
    ]
}

/// How long something that will happen may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until the answer is the expected one.
#[track_caller]
fn eventually<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &T,
    mut ask: impl FnMut() -> TestResult<T>,
) -> TestResult {
    let begin = Instant::now();
    loop {
        let answer = ask();
        match answer {
            Ok(answer) if answer == *expected => return Ok(()),
            _ if begin.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(20)),
            answer => return Err(format!("{what}: {answer:?}, and not {expected:?}").into()),
        }
    }
}

/// The head and the body of an answer.
fn request(address: SocketAddr, request: &str) -> TestResult<(String, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    Ok((head.into(), body.into()))
}

/// Without chunks, which HTTP/1.0 does not have.
fn get(address: SocketAddr, path: &str) -> TestResult<(String, String)> {
    request(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n"))
}

/// A watch over the map, and where its metrics are.
fn watched(ebpf: &Ebpf) -> TestResult<(Watch, SocketAddr)> {
    let id = id(ebpf, "flows")?;
    let mut watch = Watch::start(&format!("{id} --prometheus 127.0.0.1:0"))?;
    let line = watch.line()?;
    let address =
        line.strip_prefix("metrics at http://").and_then(|it| it.strip_suffix("/metrics"));
    let address = address.ok_or(line.clone())?.parse()?;
    // After the first look there are some.
    watch.line()?;
    eventually("the first look", &true, || Ok(get(address, "/metrics")?.1.contains("flows")))?;
    Ok((watch, address))
}

/// A Prometheus with its data in a directory that is gone after the test.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Prometheus {
    fn scraping(target: SocketAddr) -> TestResult<Self> {
        let directory = tempfile::tempdir()?;
        let config = format!(
            "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
             scrape_configs: [{{job_name: bpfmap, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        std::fs::write(directory.path().join("prometheus.yml"), config)?;
        // Another may take the port before Prometheus does.
        for _ in 0..5 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
            let log = std::fs::File::create(directory.path().join("log"))?;
            let mut child = Command::new("prometheus")
                .current_dir(directory.path())
                .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
                .arg(format!("--web.listen-address={free}"))
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()?;
            let begin = Instant::now();
            while child.try_wait()?.is_none() && begin.elapsed() < PATIENCE {
                if get(free, "/-/ready").is_ok_and(|(head, _)| head.contains(" 200 ")) {
                    return Ok(Self { child, address: free, directory });
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            child.kill()?;
            child.wait()?;
        }
        Err(std::fs::read_to_string(directory.path().join("log"))?.into())
    }

    fn api(&self, path: &str) -> TestResult<Value> {
        Ok(serde_json::from_str(&get(self.address, &format!("/api/v1/{path}"))?.1)?)
    }

    /// The labels and the value of each series of a metric that has one now.
    fn series(&self, metric: &str) -> TestResult<Vec<(Value, String)>> {
        let answer = self.api(&format!("query?query={metric}"))?;
        let series = answer["data"]["result"].as_array().ok_or("no result")?.iter().map(|one| {
            (one["metric"].clone(), one["value"][1].as_str().unwrap_or_default().to_owned())
        });
        Ok(series.collect())
    }

    fn values(&self, metric: &str) -> TestResult<Vec<String>> {
        Ok(self.series(metric)?.into_iter().map(|(_, value)| value).collect())
    }

    fn end(mut self) -> TestResult {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM)?;
        assert!(self.child.wait()?.success());
        Ok(())
    }
}

impl Drop for Prometheus {
    /// A test that fails leaves none behind.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.directory.path().join("log"));
            eprintln!("{}", log.unwrap_or_default());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn a_prometheus_sees_the_map_fill_up_and_go() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let id = id(&ebpf, "flows")?;
    fill(&ebpf, 512)?;
    let (mut watch, address) = watched(&ebpf)?;
    let prometheus = Prometheus::scraping(address)?;
    let is = |metric: &str, value: &str| {
        eventually(metric, &vec![value.to_owned()], || prometheus.values(metric))
    };
    is("bpfmap_map_entries", "512")?;
    is("bpfmap_map_max_entries", "1024")?;
    is("bpfmap_map_occupancy_ratio", "0.5")?;
    is("bpfmap_map_above_threshold", "0")?;
    is("bpfmap_map_scrape_errors_total", "0")?;
    is("bpfmap_watch_threshold_ratio", "0.85")?;
    is("up", "1")?;
    let labels = serde_json::json!({
        "__name__": "bpfmap_map_entries",
        "map": "flows",
        "id": id.to_string(),
        "type": "hash",
        "job": "bpfmap",
        "instance": address.to_string(),
    });
    assert_eq!(prometheus.series("bpfmap_map_entries")?[0].0, labels);
    // What it knows of the metrics is what it was told.
    let metadata = prometheus.api("targets/metadata")?;
    let known = |name: &str| -> TestResult<(String, String)> {
        let all = metadata["data"].as_array().ok_or("no metadata")?;
        let of = all.iter().find(|one| one["metric"] == name).ok_or(name)?;
        let text = |what: &str| of[what].as_str().unwrap_or_default().to_owned();
        assert!(!text("help").is_empty(), "{name}");
        Ok((text("type"), text("unit")))
    };
    for (name, metric_type, unit) in [
        ("bpfmap_map_entries", "gauge", "entries"),
        ("bpfmap_map_max_entries", "gauge", "entries"),
        ("bpfmap_map_occupancy_ratio", "gauge", "ratio"),
        ("bpfmap_map_above_threshold", "gauge", ""),
        ("bpfmap_map_scrape_errors", "counter", ""),
        ("bpfmap_watch_last_look_timestamp_seconds", "gauge", "seconds"),
    ] {
        assert_eq!(known(name)?, (metric_type.into(), unit.into()), "{name}");
    }

    fill(&ebpf, 1024)?;
    is("bpfmap_map_entries", "1024")?;
    is("bpfmap_map_occupancy_ratio", "1")?;
    is("bpfmap_map_above_threshold", "1")?;
    // By steps of a batch, so that there may be a line for the way.
    while !watch.line()?.contains(": full: 1024 of 1024 entries (100%); ") {}

    drop(ebpf);
    let none: Vec<String> = Vec::new();
    for metric in
        ["bpfmap_map_entries", "bpfmap_map_above_threshold", "bpfmap_map_scrape_errors_total"]
    {
        eventually(metric, &none, || prometheus.values(metric))?;
    }
    assert!(watch.line()?.ends_with(": freed: nothing holds it any more"));
    // The watch goes on, and is still scraped.
    is("up", "1")?;
    watch.interrupt(Signal::SIGINT)?;
    assert_eq!(watch.end()?, (Some(0), String::new()));
    eventually("up", &vec!["0".to_owned()], || prometheus.values("up"))?;
    prometheus.end()
}

fn promtool_has_nothing_to_say() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let (_watch, address) = watched(&ebpf)?;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let page = get(address, "/metrics")?.1;
    assert!(page.contains("\nbpfmap_map_entries{map=\"flows\",id="), "{page}");
    promtool.stdin.take().ok_or("no input")?.write_all(page.as_bytes())?;
    let output = promtool.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    assert_eq!((output.status.code(), String::from_utf8(said)?), (Some(0), String::new()));
    Ok(())
}

fn other_paths_and_methods_are_refused() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let (_watch, address) = watched(&ebpf)?;
    for path in ["/", "/metrics/", "/metric", "/../metrics", "//metrics", "/favicon.ico"] {
        let (head, _) = get(address, path)?;
        assert!(head.starts_with("HTTP/1.0 404 ") || head.starts_with("HTTP/1.1 404 "), "{head}");
    }
    // A query is none of the path.
    assert!(get(address, "/metrics?x=1")?.0.contains(" 200 OK"));
    let send =
        |method: &str| request(address, &format!("{method} /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    let (head, _) = send("POST")?;
    assert!(head.starts_with("HTTP/1.1 405 ") && head.contains("allow: GET, HEAD"), "{head}");
    let (head, body) = send("HEAD")?;
    assert!(head.starts_with("HTTP/1.1 200 ") && body.is_empty(), "{head}{body}");
    assert!(request(address, "nonsense\r\n\r\n")?.0.starts_with("HTTP/1.1 400 "));
    // It is still there.
    assert!(get(address, "/metrics")?.0.contains(" 200 OK"));
    Ok(())
}

fn the_format_is_the_one_that_is_asked_for() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let (_watch, address) = watched(&ebpf)?;
    let accepting = |accept: &str| {
        request(
            address,
            &format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\n\r\n"),
        )
    };
    let (head, body) = accepting(
        "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    )?;
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.ends_with("# EOF\n") && body.contains("# UNIT bpfmap_map_entries entries\n"));
    assert!(body.contains("# TYPE bpfmap_map_scrape_errors counter\n"), "{body}");
    let (head, body) = accepting("text/plain;version=0.0.4")?;
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(!body.contains("# EOF") && !body.contains("# UNIT"), "{body}");
    assert!(body.contains("# TYPE bpfmap_map_scrape_errors_total counter\n"), "{body}");
    Ok(())
}

/// More than are served at once, so that who comes after them has to wait until
/// their time is over.
fn clients_that_say_nothing_do_not_keep_others_out() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let (watch, address) = watched(&ebpf)?;
    let mut silent = Vec::new();
    for number in 0..40 {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        // Some begin, and do not end.
        if number % 2 == 0 {
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost:")?;
        }
        silent.push(stream);
    }
    let begin = Instant::now();
    let asked: Vec<_> = (0..20)
        .map(|_| {
            std::thread::spawn(move || get(address, "/metrics").map_err(|error| error.to_string()))
        })
        .collect();
    // No thread for each of them.
    let status = std::fs::read_to_string(format!("/proc/{}/status", watch.pid()))?;
    let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")).ok_or("none")?;
    assert!(threads.trim().parse::<u32>()? <= 4, "{threads}");
    for asked in asked {
        let (head, _) = asked.join().map_err(|_| "panicked")??;
        assert!(head.contains(" 200 OK"), "{head}");
    }
    // It takes hyper 30 s to lose its own patience.
    assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
    // Those that said nothing were sent away.
    for mut stream in silent {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        assert!(
            ended.is_ok()
                || ended.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock)
        );
    }
    watch.interrupt(Signal::SIGINT)?;
    assert_eq!(watch.end()?, (Some(0), String::new()));
    Ok(())
}
