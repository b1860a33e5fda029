//! Serves the metrics by HTTP: on one thread, so many clients at a time, and each
//! for so long.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::metrics::Page;

/// How many clients are served at once; others wait until one is done.
const MOST_CLIENTS: usize = 32;

/// How long a client has for its request and for the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// For who says that it can read that.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// For all others.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The thread that serves. It ends when this is dropped.
pub(super) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(address: SocketAddr, page: Page) -> anyhow::Result<Self> {
        let failed = || format!("the metrics cannot be served at {address}");
        let listener = TcpListener::bind(address).with_context(failed)?;
        listener.set_nonblocking(true).with_context(failed)?;
        let address = listener.local_addr().with_context(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .with_context(failed)?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener).with_context(failed)?
        };
        let (stop, stopped) = oneshot::channel::<Infallible>();
        // What was begun ends with the runtime.
        let serve = move || {
            runtime.spawn(accept(listener, page));
            let _ = runtime.block_on(stopped);
        };
        let thread = std::thread::Builder::new().name("metrics".into()).spawn(serve);
        let thread = Some(thread.with_context(failed)?);
        Ok(Self { address, stop: Some(stop), thread })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: tokio::net::TcpListener, page: Page) {
    let clients = Arc::new(Semaphore::new(MOST_CLIENTS));
    loop {
        let Ok(permit) = Arc::clone(&clients).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let page = page.clone();
                tokio::spawn(async move {
                    let _ = timeout(PATIENCE, serve(stream, page)).await;
                    drop(permit);
                });
            }
            // There may be too many descriptors for now; to ask again at once would be
            // to do nothing else.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// One request, and its answer.
async fn serve(stream: TcpStream, page: Page) {
    let answer = service_fn(move |request| {
        let answer = answer(&request, &page);
        async { Ok::<_, Infallible>(answer) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).keep_alive(false);
    // Who goes away meanwhile is nobody's problem.
    let _ = http.serve_connection(TokioIo::new(stream), answer).await;
}

fn answer(request: &Request<Incoming>, page: &Page) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    let text = |status, text: &'static str| made(status, TEXT, Bytes::from_static(text.as_bytes()));
    if request.uri().path() != "/metrics" {
        return text(StatusCode::NOT_FOUND, "the metrics are at /metrics\n");
    }
    match *request.method() {
        // To HEAD hyper sends no more than the head.
        Method::GET | Method::HEAD => {
            let texts = page.texts();
            match reads_open_metrics(request) {
                true => made(StatusCode::OK, OPEN_METRICS, texts.open_metrics),
                false => made(StatusCode::OK, PROMETHEUS, texts.plain),
            }
        }
        _ => {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "the metrics can be read\n");
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            refused
        }
    }
}

fn reads_open_metrics(request: &Request<Incoming>) -> bool {
    let accepted = request.headers().get_all(ACCEPT).iter().filter_map(|it| it.to_str().ok());
    accepted
        .flat_map(|it| it.split(','))
        .any(|it| it.trim().to_ascii_lowercase().starts_with("application/openmetrics-text"))
}

fn made(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
