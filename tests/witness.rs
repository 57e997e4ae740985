//! What the runner sees of a process from outside, against what the process itself knows it did. Perl is the witness: it
//! burns a known CPU time by its own account, writes a known number of bytes, and holds a known amount of memory.

use std::{convert::Infallible, fs, os::unix::fs::PermissionsExt as _};

use benchline::{
    model::{Event, Metric, Trial},
    runner::{Done, Programs, Stop, Target, measure},
};

use crate::support::scenario::ScenarioFile;

/// Both roles in one program. The server works only while the client's iteration waits for it, so what the runner counts
/// for it is bracketed by what happens in another process. Each account of its own goes into `account.ROLE`.
const SUBJECT: &str = r#"#!/usr/bin/perl
use strict; use IO::Handle; use Time::HiRes qw(sleep clock);
$| = 1;
my ($role, $folder, $held) = ("", "", "");
sub burn { my $until = clock() + 0.2; 1 while clock() < $until; }
sub work {
    my $before = clock();
    burn();
    open(my $file, ">", "$folder/data") or die; binmode $file;
    syswrite($file, "x" x 1_000_000) for 1 .. 10;
    close $file;
    open(my $account, ">>", "$folder/../account.$role") or die;
    syswrite($account, sprintf("%d\n", (clock() - $before) * 1e9));
    close $account;
}
$SIG{USR1} = sub { work(); open(my $done, ">", "$folder/done"); close $done; };
print '{"type":"hello","contract":1,"engine":"perl","operations":[{"name":"toy/work","version":1,"roles":["client","server"]}]}', "\n";
my $server;
while (1) {
    my $line = <STDIN>;
    if (!defined $line) { next if $!{EINTR}; last; }
    if ($line =~ /"type":"prepare"/) {
        ($role) = $line =~ /"role":"(\w+)"/;
        ($folder) = $line =~ /"folder":"([^"]+)"/;
        $held = "y" x 50_000_000 if $role eq "server";
        if ($role eq "client") { ($server) = $line =~ /"address":"([^"]+)"/; print '{"type":"prepared"}', "\n"; }
        else { print qq({"type":"prepared","server":{"address":"$$ $folder","credential":""}}\n); }
    } elsif ($line =~ /"type":"reset"/) {
        print '{"type":"ready"}', "\n";
    } elsif ($line =~ /"type":"iterate"/) {
        my ($pid, $there) = split / /, $server;
        my $before = clock();
        kill "USR1", $pid;
        sleep 0.005 until -e "$there/done";
        unlink "$there/done";
        my $cpu = int((clock() - $before) * 1e9);
        print qq({"type":"sample","wall_ns":1,"cpu_ns":$cpu,"items":1,"bytes":2}\n);
    } elsif ($line =~ /"type":"observe"/) {
        print '{"type":"observed"}', "\n";
    } elsif ($line =~ /"type":"verify"/) {
        print '{"type":"verified","digest":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}', "\n";
    } elsif ($line =~ /"type":"finish"/) {
        open(my $times, ">", "$folder/../../total.$role"); my ($user, $system) = times;
        printf $times "%d %d %d\n", clock() * 1e9, $user * 1e9, $system * 1e9; close $times;
        print '{"type":"finished"}', "\n"; exit 0;
    }
}
"#;

#[track_caller]
fn near(what: &str, seen: f64, known: f64) {
    assert!((seen / known - 1.0).abs() < 0.05, "{what}: {seen} seen from outside, {known} known inside");
}

#[test]
fn cpu_io_and_memory_of_a_server_are_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("subject.pl");
    fs::write(&binary, SUBJECT).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    let plan = ScenarioFile { roles: "\"client\", \"server\"", timeout: "30 s", ..ScenarioFile::default() }.plan();
    let work = folder.path().join("work");
    let mut trials: Vec<Trial> = Vec::new();
    let mut accounts = Vec::new();
    let target = Target { programs: Programs { subject: &binary, platform: &binary }, folder: &work };
    let Ok(_) = measure(&plan, &target, &Done::default(), 1, &Stop::new(), &mut |event| {
        match event {
            // The trial's folder is emptied at its end, so its accounts are read as samples come in.
            Event::SampleTaken { .. } => accounts.push(fs::read_to_string(work.join("trial/account.server")).unwrap()),
            Event::TrialFinished(trial) => trials.push(*trial),
            Event::Failed(failure) => panic!("{failure:?}"),
            _ => {}
        }
        Ok::<(), Infallible>(())
    });
    let trial = &trials[0];
    let samples = |metric: &str| trial.samples(metric.parse().unwrap()).unwrap();
    let total = |metric: &str| trial.total(metric.parse().unwrap()).unwrap() as f64;

    let known: Vec<f64> = accounts.last().unwrap().lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(known.len(), 3);
    for (seen, known) in samples("server.cpu_time").iter().zip(&known) {
        near("CPU time of a sample", *seen, *known);
    }
    for seen in samples("server.bytes_written") {
        near("bytes written", seen, 10_000_000.0);
    }
    assert!(samples("client.cpu_time").iter().all(|seen| *seen < 0.05 * known[0]), "the client only waited");
    assert!(samples("client.bytes_written").iter().all(|seen| *seen < 100.0), "the client wrote nothing");

    let told = fs::read_to_string(work.join("total.server")).unwrap();
    let [whole, user, system] =
        told.split_whitespace().map(|ns| ns.parse().unwrap()).collect::<Vec<f64>>().try_into().unwrap();
    near("CPU time of the whole process", total("server.cpu_total"), whole);
    // What Perl knows of them comes in steps of 10 ms.
    for (metric, known) in [("server.cpu_user", user), ("server.cpu_system", system)] {
        assert!((total(metric) - known).abs() < 0.05 * whole + 2e7, "{metric}: {} against {known}", total(metric));
    }
    let held = total("server.rss_peak") - total("client.rss_peak");
    near("50 MB held by the server and not by the client", held, 50_000_000.0 + 1_000_000.0);

    let cpu_in_timeline = trial.timelines.iter().find(|timeline| timeline.role.as_str() == "server").unwrap();
    near("the timeline's last CPU reading", cpu_in_timeline.points.last().unwrap().cpu_ns as f64, whole);
    assert_eq!(trial.samples(Metric::WALL_TIME), Some(vec![1.0; 3]), "the client's clock is the clock");
}
