//! The shim's loop: wait for something to happen, take it in, decide, act; until nothing is left to do.
//!
//! One thread, no callbacks: signals come through a descriptor, children are reaped here, output is moved here. Starting a
//! container blocks the loop for the few milliseconds it takes.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use domain::compute::Health;
use domain::failure::{Failure, FailureName};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe2};
use wire::Timestamp;

use super::control::{Control, Interest};
use super::decide::{Decision, Direction, Killed, Progress, Step, decide, restarts};
use super::diagnosis::Diagnosis;
use super::health::Checks;
use super::journal::Journal;
use super::output::{Found, OutputFile, Stream};
use super::plan::{ContainerPlan, ShimPlan};
use super::protocol::{AfterExit, Event, Record, Request};
use crate::runtime::cgroup::{Cgroups, KILL_PATIENCE, KillError, LiftedQuota};
use crate::runtime::command::CommandRuntime;
use crate::runtime::execute::{Secrets, exit_now};
use crate::runtime::linked::LinkedRuntime;
use crate::runtime::{Output, Runtime, RuntimeChoice, chain};

/// How much output of one container is moved before the others have their turn, in reads.
const READS_IN_A_ROW: usize = 16;

/// Runs the task to its end.
pub(super) fn supervise(
    plan: ShimPlan,
    secrets: Vec<(String, Vec<(String, wire::Sensitive)>)>,
    journal: Journal,
    control: Control,
    diagnosis: Diagnosis,
) -> io::Result<()> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT] {
        signals.add(signal);
    }
    signals.thread_block()?;
    let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    let secrets = Secrets::new(secrets.into());
    let runtime: Box<dyn Runtime> = match &plan.runtime {
        RuntimeChoice::Linked => Box::new(LinkedRuntime::new(plan.directory.join("runtime"), secrets)),
        RuntimeChoice::Command(command) => Box::new(
            CommandRuntime::new(command.clone(), plan.directory.join("runtime"), secrets).map_err(io::Error::other)?,
        ),
    };
    let containers = plan.containers.iter().map(|_| Container::default()).collect();
    let cgroups = Cgroups::detect().ok_or_else(|| io::Error::other("this host has no control groups"))?;
    let mut supervisor = Supervisor {
        plan,
        containers,
        direction: Direction::Up,
        runtime,
        cgroups,
        journal,
        control,
        diagnosis,
        signals,
        began: Instant::now(),
        quota: None,
    };
    supervisor.run()
}

struct Supervisor {
    plan: ShimPlan,
    containers: Vec<Container>,
    direction: Direction,
    runtime: Box<dyn Runtime>,
    cgroups: Cgroups,
    journal: Journal,
    control: Control,
    diagnosis: Diagnosis,
    signals: SignalFd,
    began: Instant,
    /// The task's quota of CPU, lifted while a container's end is forced.
    quota: Option<LiftedQuota>,
}

/// What is live of one container.
#[derive(Default)]
struct Container {
    progress: Waiting,
    pid: Option<Pid>,
    streams: Vec<Stream>,
    output: Option<OutputFile>,
    checks: Option<Checks>,
    check: Option<RunningCheck>,
    last_start: Option<u64>,
    out_of_memory_before: u64,
    /// Since when its end is forced.
    force_began: Option<u64>,
    told_of_survivors: bool,
}

/// A progress that begins as waiting.
struct Waiting(Progress);

impl Default for Waiting {
    fn default() -> Self {
        Self(Progress::Waiting)
    }
}

struct RunningCheck {
    helper: Pid,
    deadline: u64,
}

impl Supervisor {
    fn run(&mut self) -> io::Result<()> {
        loop {
            let decision = self.decide_and_act()?;
            self.control.tell_output();
            if decision.finished {
                self.record(Event::Finished)?;
                self.control.serve(self.journal.records());
                return Ok(());
            }
            let wake_at = self.checks_due()?.into_iter().chain(decision.wake_at).min();
            self.wait(wake_at)?;
            self.reap()?;
            self.move_output()?;
            if self.control.serve(self.journal.records()).contains(&Request::Stop) {
                self.direction = Direction::Down;
            }
        }
    }

    /// Acts until the decision holds no step any more.
    fn decide_and_act(&mut self) -> io::Result<Decision> {
        loop {
            let progress: Vec<Progress> = self.containers.iter().map(|container| container.progress.0).collect();
            let decision = decide(&self.plan.containers, &progress, self.direction, self.now());
            self.direction = decision.direction;
            if decision.steps.is_empty() {
                return Ok(decision);
            }
            for step in decision.steps {
                self.act(step)?;
                // A stop may have been asked for while a container was starting.
                if self.control.serve(self.journal.records()).contains(&Request::Stop) {
                    self.direction = Direction::Down;
                    break;
                }
            }
        }
    }

    fn act(&mut self, step: Step) -> io::Result<()> {
        match step {
            Step::Start(index) => self.start(index),
            Step::Ask(index) => {
                let now = self.now();
                if let Progress::Running { asked_to_stop, .. } = &mut self.containers[index].progress.0 {
                    *asked_to_stop = Some(now);
                }
                self.signal(index, self.plan.containers[index].stop_signal);
                Ok(())
            }
            Step::Kill(index) => self.force(index),
            Step::GiveUp(index, why) => {
                let name = self.plan.containers[index].name.clone();
                let failure = why.map(|why| {
                    let message =
                        format!("Task dependencies cannot be resolved, taskArn: {}: {why}", self.plan.task_arn);
                    Failure::new(FailureName::TaskDependencyError, message).of_container(name.clone())
                });
                self.containers[index].progress.0 = Progress::Never;
                self.record(Event::NotStarted { container: name, failure })
            }
        }
    }

    fn start(&mut self, index: usize) -> io::Result<()> {
        let now = self.now();
        let plan = &self.plan.containers[index];
        let name = plan.name.clone();
        self.containers[index].out_of_memory_before = self.cgroups.out_of_memory_kills(&self.plan.task_id, &name);
        let mark = self.diagnosis.mark();
        match launch(self.runtime.as_ref(), plan) {
            Ok((pid, streams)) => {
                let container = &mut self.containers[index];
                if container.output.is_none() {
                    container.output = Some(OutputFile::open(&plan.bundle, plan.output)?);
                }
                container.pid = Some(pid);
                container.streams = streams;
                container.checks = plan.health_check.clone().map(|check| Checks::new(check, now));
                container.last_start = Some(now);
                container.progress.0 =
                    Progress::Running { since: now, health: Health::Unknown, asked_to_stop: None, killed: Killed::No };
                self.record(Event::Started { container: name, pid: pid.as_raw() })
            }
            Err(mut failure) => {
                if failure.name == FailureName::CannotCreateContainerError
                    && let Some(detail) = self.diagnosis.since(mark)
                {
                    failure.message = format!("{}: {detail}", failure.message);
                }
                self.containers[index].progress.0 = Progress::Never;
                // A process that was created and may not start is still there.
                self.end_rest(index)?;
                self.leave(index);
                self.record(Event::NotStarted { container: name, failure: Some(failure) })
            }
        }
    }

    /// Strikes at a container with all of its processes; says so when that does not end it.
    fn force(&mut self, index: usize) -> io::Result<()> {
        let now = self.now();
        let (task, name) = (self.plan.task_id.as_str(), self.plan.containers[index].name.clone());
        if self.quota.is_none() {
            self.quota = self.cgroups.lift_quota(task);
        }
        let struck = self.cgroups.strike_container(task, &name);
        self.signal(index, nix::libc::SIGKILL);
        let container = &mut self.containers[index];
        if let Progress::Running { killed, .. } = &mut container.progress.0 {
            *killed = Killed::At(now);
        }
        let began = *container.force_began.get_or_insert(now);
        if container.told_of_survivors || Duration::from_millis(now - began) < KILL_PATIENCE {
            return Ok(());
        }
        container.told_of_survivors = true;
        let error = struck.map_or_else(|error| error, KillError::Survivors);
        let failure = Failure::new(FailureName::CannotStopContainerError, chain(&error)).of_container(name.clone());
        self.record(Event::NotStopped { container: name, failure })
    }

    fn signal(&self, index: usize, signal: i32) {
        if let Some(pid) = self.containers[index].pid {
            // SAFETY: a plain system call; the process is our child and not yet reaped, so the number is its own. Real-time
            // signals have no name in nix.
            unsafe { nix::libc::kill(pid.as_raw(), signal) };
        }
    }

    /// Takes in the ends of child processes.
    fn reap(&mut self) -> io::Result<()> {
        loop {
            let (pid, code) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, code),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, 128 + signal as i32),
                Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::ECHILD) => return Ok(()),
                Ok(_) | Err(nix::errno::Errno::EINTR) => continue,
                Err(errno) => return Err(errno.into()),
            };
            if let Some(index) = self.containers.iter().position(|container| container.pid == Some(pid)) {
                self.ended(index, code)?;
            } else if let Some(index) = self
                .containers
                .iter()
                .position(|container| container.check.as_ref().is_some_and(|check| check.helper == pid))
            {
                self.checked(index, code)?;
            }
        }
    }

    fn ended(&mut self, index: usize, exit_code: i32) -> io::Result<()> {
        let name = self.plan.containers[index].name.clone();
        // With a shared process namespace others of the container may still live; they hold its output open.
        self.end_rest(index)?;
        self.drain(index)?;
        let container = &mut self.containers[index];
        container.pid = None;
        container.checks = None;
        container.force_began = None;
        if self.containers.iter().all(|container| container.force_began.is_none()) {
            self.quota = None;
        }
        let container = &mut self.containers[index];
        if let Some(check) = container.check.take() {
            let _ = kill(check.helper, Signal::SIGKILL);
        }
        let kills = self.cgroups.out_of_memory_kills(&self.plan.task_id, &name);
        let failure = (exit_code != 0 && kills > container.out_of_memory_before).then(|| {
            Failure::new(FailureName::OutOfMemoryError, "Container killed due to memory usage")
                .of_container(name.clone())
        });
        let ran = self.now() - self.containers[index].last_start.unwrap_or(0);
        let again = restarts(self.plan.containers[index].restart.as_ref(), self.direction, exit_code, ran);
        let next = if again { AfterExit::Restarted } else { AfterExit::Stopped };
        self.leave(index);
        self.record(Event::Exited { container: name, exit_code, failure, next })?;
        if again {
            self.start(index)
        } else {
            self.containers[index].progress.0 = Progress::Ended(exit_code);
            Ok(())
        }
    }

    /// Ends what is left of a container without its first process. What survives is told, and is the task's removal's.
    fn end_rest(&mut self, index: usize) -> io::Result<()> {
        let name = self.plan.containers[index].name.clone();
        let Err(error) = self.cgroups.kill_container(&self.plan.task_id, &name) else { return Ok(()) };
        let failure = Failure::new(FailureName::CannotStopContainerError, chain(&error)).of_container(name.clone());
        self.record(Event::NotStopped { container: name, failure })
    }

    /// Takes away what a container's run left behind.
    fn leave(&self, index: usize) {
        let plan = &self.plan.containers[index];
        self.runtime.delete(plan);
        // What stays busy is taken away with the task.
        let _ = self.cgroups.remove_container(&self.plan.task_id, &plan.name);
    }

    /// Begins the checks that are due, ends those that take too long, and answers when to look again.
    fn checks_due(&mut self) -> io::Result<Option<u64>> {
        let now = self.now();
        let mut next: Option<u64> = None;
        for index in 0..self.containers.len() {
            let Some(checks) = &self.containers[index].checks else { continue };
            let at = match &self.containers[index].check {
                Some(check) if now >= check.deadline => {
                    let _ = kill(check.helper, Signal::SIGKILL);
                    continue;
                }
                Some(check) => check.deadline,
                None if now >= checks.next_at() => {
                    let (command, deadline) = (checks.command(), now + checks.timeout());
                    let helper = check_helper(self.runtime.as_ref(), &self.plan.containers[index], &command)?;
                    self.containers[index].check = Some(RunningCheck { helper, deadline });
                    deadline
                }
                None => checks.next_at(),
            };
            next = Some(next.map_or(at, |next| next.min(at)));
        }
        Ok(next)
    }

    fn checked(&mut self, index: usize, code: i32) -> io::Result<()> {
        let now = self.now();
        let container = &mut self.containers[index];
        container.check = None;
        let Some(changed) = container.checks.as_mut().and_then(|checks| checks.result(code == 0, now)) else {
            return Ok(());
        };
        if let Progress::Running { health, .. } = &mut container.progress.0 {
            *health = changed;
        }
        let name = self.plan.containers[index].name.clone();
        self.record(Event::Health { container: name, health: changed })
    }

    /// Moves what containers printed.
    fn move_output(&mut self) -> io::Result<()> {
        let at = now_milliseconds();
        for (plan, container) in self.plan.containers.iter().zip(&mut self.containers) {
            let Some(output) = &mut container.output else { continue };
            let mut printed = false;
            let mut ended = Vec::new();
            for (position, stream) in container.streams.iter_mut().enumerate() {
                for _ in 0..READS_IN_A_ROW {
                    match stream.pump(output, at)? {
                        Found::Some => printed = true,
                        Found::Nothing => break,
                        Found::End => {
                            stream.finish(output, at)?;
                            ended.push(position);
                            break;
                        }
                    }
                }
            }
            for position in ended.into_iter().rev() {
                container.streams.remove(position);
                printed = true;
            }
            if printed {
                self.control.mark_output(&plan.name);
            }
        }
        Ok(())
    }

    /// Moves everything that is left after a container's processes are gone.
    fn drain(&mut self, index: usize) -> io::Result<()> {
        let at = now_milliseconds();
        let container = &mut self.containers[index];
        if let Some(output) = &mut container.output {
            for mut stream in std::mem::take(&mut container.streams) {
                while stream.pump(output, at)? == Found::Some {}
                stream.finish(output, at)?;
            }
        }
        self.control.mark_output(&self.plan.containers[index].name);
        Ok(())
    }

    fn record(&mut self, event: Event) -> io::Result<()> {
        let record = Record { at: Timestamp::from_milliseconds(now_milliseconds()), event };
        self.journal.append(record.clone())?;
        self.control.tell_output();
        self.control.tell(&record);
        Ok(())
    }

    /// Waits until something happens, or until the time has come.
    fn wait(&mut self, wake_at: Option<u64>) -> io::Result<()> {
        let timeout = match wake_at {
            None => PollTimeout::NONE,
            Some(at) => {
                let left = at.saturating_sub(self.now()).min(60_000);
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            }
        };
        let mut descriptors = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        for (descriptor, interest) in self.control.interests() {
            let flags = match interest {
                Interest::Read => PollFlags::POLLIN,
                Interest::ReadAndWrite => PollFlags::POLLIN | PollFlags::POLLOUT,
            };
            descriptors.push(PollFd::new(descriptor, flags));
        }
        for stream in self.containers.iter().flat_map(|container| &container.streams) {
            // SAFETY: the stream is open and outlives this call.
            let descriptor = unsafe { BorrowedFd::borrow_raw(stream.raw_fd()) };
            descriptors.push(PollFd::new(descriptor, PollFlags::POLLIN));
        }
        match poll(&mut descriptors, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        drop(descriptors);
        while let Ok(Some(signal)) = self.signals.read_signal() {
            if signal.ssi_signo != Signal::SIGCHLD as u32 {
                self.direction = Direction::Down;
            }
        }
        Ok(())
    }

    /// Milliseconds since this shim began.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Starts a container; answers its process and its streams.
fn launch(runtime: &dyn Runtime, plan: &ContainerPlan) -> Result<(Pid, Vec<Stream>), Failure> {
    let cannot = |errno: nix::Error| {
        Failure::new(FailureName::CannotStartContainerError, errno.to_string()).of_container(plan.name.clone())
    };
    if plan.pseudo_terminal {
        let running = runtime.start(plan, Output::Terminal)?;
        let streams = running.terminal.map(|terminal| stream(terminal, b'o')).transpose().map_err(cannot)?;
        return Ok((running.pid, streams.into_iter().collect()));
    }
    let (stdout, stdout_inside) = pipe2(OFlag::O_CLOEXEC).map_err(cannot)?;
    let (stderr, stderr_inside) = pipe2(OFlag::O_CLOEXEC).map_err(cannot)?;
    let streams = vec![stream(stdout, b'o').map_err(cannot)?, stream(stderr, b'e').map_err(cannot)?];
    let running = runtime.start(plan, Output::Pipes(stdout_inside, stderr_inside))?;
    Ok((running.pid, streams))
}

fn stream(source: OwnedFd, mark: u8) -> nix::Result<Stream> {
    fcntl(&source, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    debug_assert!(source.as_raw_fd() > 2);
    Ok(Stream::new(File::from(source), mark))
}

/// A child of the shim that runs one health check and ends with its result. Killing it kills the check.
fn check_helper(runtime: &dyn Runtime, plan: &ContainerPlan, command: &[String]) -> io::Result<Pid> {
    // SAFETY: this process has one thread.
    match unsafe { fork()? } {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let code = match runtime.execute(plan, command) {
                Ok(pid) => loop {
                    match waitpid(pid, None) {
                        Ok(WaitStatus::Exited(_, code)) => break code,
                        Err(nix::errno::Errno::EINTR) => {}
                        _ => break 1,
                    }
                },
                Err(_) => 1,
            };
            exit_now(code)
        }
    }
}

fn now_milliseconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
