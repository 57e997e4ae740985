//! The pages of a real run, in a real browser: what they say, that graphs are drawn, that nothing is in the console.
//!
//! Without chromedriver the test says so and is skipped, unless `BENCHLINE_REQUIRE_BROWSER` is set, as it is in CI.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use thirtyfour::{
    BrowserLogEntry, By, ChromiumLikeCapabilities as _, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver,
};

use crate::support::{Project, Running, eventually, free_port};

/// What keeps a fresh, headless Chromium from talking to anybody but the page.
const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--hide-scrollbars",
];

#[test]
fn pages_of_a_real_run_look_right() {
    let Some(driver) = start_driver() else { return };
    let project = Project::of_the_engine(&[("crypto/seal", "size = \"1 MB\""), ("sync/upload", "documents = 100,")]);
    project.run(&["run", "--profile", "quick"], 0);
    project.commit("Nothing in the engine changed");
    // The same program measures nothing, so the run comes last, to be what graphs show.
    project.run(&["compare", "HEAD~1", "HEAD"], 0);
    project.run(&["run", "--profile", "quick"], 0);
    let address = format!("127.0.0.1:{}", free_port());
    let _serving = project.start(&["serve", "--listen", &address]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let browser = Browser::open(&driver.url, &format!("http://{address}")).await;
        visit(&browser, &project).await;
        browser.driver.quit().await.unwrap();
    });
}

async fn visit(browser: &Browser, project: &Project) {
    browser.wide().await;
    let home = browser.page("/", "home").await;
    assert!(home.contains("Nothing in the engine changed"), "{home}");

    let commit = browser.page(&format!("/commits/{}", project.git(&["rev-parse", "HEAD"])), "commit").await;
    for said in ["crypto/seal", "sync/upload", "1 MB", "ms"] {
        assert!(commit.contains(said), "the commit's page does not say {said}");
    }

    let scenario = browser.page("/scenarios/sync/upload", "scenario").await;
    assert!(scenario.contains("How long does it take to send documents"), "{scenario}");
    assert!(browser.longest_path().await > 20, "no graph is drawn");

    let run = browser.page("/runs/4", "run").await;
    assert!(run.contains("verified") && run.contains("enough_trials"), "{run}");
    browser.page("/runs/4/cases/1", "case").await;
    assert!(browser.longest_path().await > 20, "no timeline is drawn");

    let comparison = browser.page("/comparisons/1", "comparison").await;
    assert!(comparison.contains("The same program: nothing can have changed"), "{comparison}");
    assert!(browser.page("/comparisons", "comparisons").await.contains("Nothing in the engine changed"));
    assert!(browser.page("/findings", "findings").await.contains("No open findings"));
    assert!(browser.page("/calibration", "calibration").await.contains("benchline calibrate"));

    let missing = browser.page("/runs/999", "missing").await;
    assert!(missing.contains("999"), "{missing}");

    browser.narrow().await;
    for (path, name) in [
        ("/", "home-narrow"),
        ("/scenarios/sync/upload", "scenario-narrow"),
        ("/runs/4", "run-narrow"),
        ("/comparisons/1", "comparison-narrow"),
        ("/comparisons", "comparisons-narrow"),
        ("/findings", "findings-narrow"),
        ("/calibration", "calibration-narrow"),
    ] {
        browser.page(path, name).await;
        assert!(browser.overflow().await <= 0, "{path} is wider than 360 px");
    }
}

struct Browser {
    driver: WebDriver,
    base: String,
    shots: PathBuf,
}

impl Browser {
    async fn open(driver: &str, base: &str) -> Browser {
        let mut wanted = DesiredCapabilities::chrome();
        for argument in ARGUMENTS {
            wanted.add_arg(argument).unwrap();
        }
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let driver = WebDriver::new(driver, wanted).await.unwrap();
        let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        fs::create_dir_all(&shots).unwrap();
        Browser { driver, base: base.to_owned(), shots }
    }

    async fn wide(&self) {
        self.driver.set_window_rect(0, 0, 1280, 1600).await.unwrap();
    }

    async fn narrow(&self) {
        self.driver.set_window_rect(0, 0, 360, 1200).await.unwrap();
    }

    /// Opens a page, keeps a screenshot, and takes its visible text. The console must be empty, but for the browser's own
    /// word on a status of 404.
    async fn page(&self, path: &str, name: &str) -> String {
        self.driver.goto(format!("{}{path}", self.base)).await.unwrap();
        let text = self.driver.find(By::Tag("body")).await.unwrap().text().await.unwrap();
        self.driver.screenshot(&self.shots.join(format!("{name}.png"))).await.unwrap();
        let said: Vec<BrowserLogEntry> = self.driver.get_log("browser").await.unwrap();
        let said: Vec<&BrowserLogEntry> =
            said.iter().filter(|entry| !entry.message.contains("404 (Not Found)")).collect();
        assert!(said.is_empty(), "{path}: {said:?}");
        text
    }

    /// Length of the longest path or line of points in any chart of the page.
    async fn longest_path(&self) -> i64 {
        self.number(
            "return Math.max(0, ...[...document.querySelectorAll('svg path, svg polyline, svg polygon')]
                .map(shape => (shape.getAttribute('d') || shape.getAttribute('points') || '').length))",
        )
        .await
    }

    /// How many pixels the page is wider than the window.
    async fn overflow(&self) -> i64 {
        self.number("return document.documentElement.scrollWidth - document.documentElement.clientWidth").await
    }

    async fn number(&self, script: &str) -> i64 {
        self.driver.execute(script, Vec::new()).await.unwrap().json().as_i64().unwrap()
    }
}

struct Driver {
    url: String,
    _process: Running,
}

fn start_driver() -> Option<Driver> {
    let port = free_port();
    let started =
        Command::new("chromedriver").arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match started {
        Ok(process) => {
            let process = Running(process);
            eventually("chromedriver listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
            std::thread::sleep(Duration::from_millis(50));
            Some(Driver { url: format!("http://127.0.0.1:{port}"), _process: process })
        }
        Err(error) if env::var_os("BENCHLINE_REQUIRE_BROWSER").is_some() => {
            panic!("chromedriver cannot be started: {error}; install chromium and chromium-driver");
        }
        Err(error) => {
            eprintln!("SKIPPED: chromedriver cannot be started ({error}); install chromium and chromium-driver");
            None
        }
    }
}
