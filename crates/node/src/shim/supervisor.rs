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
use super::health::{CheckResult, Checks};
use super::journal::Journal;
use super::output::{Found, Moment, OutputFile, Stream};
use super::plan::{ContainerPlan, ShimPlan};
use super::protocol::{AfterExit, Event, Notice, Record, Request, Trouble};
use crate::runtime::cgroup::{Cgroups, KILL_PATIENCE, KillError, LiftedQuota};
use crate::runtime::command::CommandRuntime;
use crate::runtime::execute::{Secrets, exit_now};
use crate::runtime::linked::LinkedRuntime;
use crate::runtime::{Output, Runtime, RuntimeChoice, chain};

/// How much output of one container is moved before the others have their turn, in reads.
const READS_IN_A_ROW: usize = 16;
/// How much of an ended container's output is read at most, in reads: more than a pipe holds.
const LAST_READS: usize = 1024;

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
    let containers = plan.containers.iter().map(Container::new).collect();
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
        journal_trouble: None,
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
    /// Why facts cannot be written down, as it was told last.
    journal_trouble: Option<i32>,
}

/// What is live of one container.
struct Container {
    progress: Progress,
    pid: Option<Pid>,
    streams: Vec<Stream>,
    output: OutputFile,
    checks: Option<Checks>,
    check: Option<RunningCheck>,
    last_start: Option<u64>,
    out_of_memory_before: u64,
    /// Since when its end is forced.
    force_began: Option<u64>,
    told_of_survivors: bool,
}

impl Container {
    fn new(plan: &ContainerPlan) -> Self {
        Self {
            progress: Progress::Waiting,
            pid: None,
            streams: Vec::new(),
            output: OutputFile::new(&plan.bundle, plan.output),
            checks: None,
            check: None,
            last_start: None,
            out_of_memory_before: 0,
            force_began: None,
            told_of_survivors: false,
        }
    }
}

struct RunningCheck {
    helper: Pid,
    deadline: u64,
}

impl Supervisor {
    fn run(&mut self) -> io::Result<()> {
        let mut finished = false;
        loop {
            let decision = self.decide_and_act();
            if decision.finished && !finished {
                finished = true;
                self.record(Event::Finished);
            }
            self.tell_news();
            if finished && self.journal.is_written() {
                // There is room now, perhaps also for what the outputs have to say.
                let moment = self.moment();
                for (plan, container) in self.plan.containers.iter().zip(&mut self.containers) {
                    container.output.end(moment);
                    self.control.mark_output(&plan.name);
                }
                self.tell_news();
                self.listen();
                return Ok(());
            }
            let wake_at = self.checks_due().into_iter().chain(decision.wake_at).chain(self.retries_due()).min();
            self.wait(wake_at)?;
            self.reap();
            self.move_output();
            self.journal.settle(self.now());
            self.listen();
        }
    }

    /// Acts until the decision holds no step any more.
    fn decide_and_act(&mut self) -> Decision {
        loop {
            let progress: Vec<Progress> = self.containers.iter().map(|container| container.progress).collect();
            let decision = decide(&self.plan.containers, &progress, self.direction, self.now());
            self.direction = decision.direction;
            if decision.steps.is_empty() {
                return decision;
            }
            for step in decision.steps {
                self.act(step);
                // A stop may have been asked for while a container was starting.
                self.listen();
                if self.direction != decision.direction {
                    break;
                }
            }
        }
    }

    /// Hears what the server asks for.
    fn listen(&mut self) {
        for request in self.control.serve(self.journal.records()) {
            match request {
                Request::Stop => self.direction = Direction::Down,
                Request::TakenOver { container, offset } => {
                    let plans = self.plan.containers.iter().zip(&mut self.containers);
                    for (_, container) in plans.filter(|(plan, _)| plan.name == container) {
                        container.output.taken_over(offset);
                    }
                }
            }
        }
    }

    /// Says what was printed, and what goes wrong.
    fn tell_news(&mut self) {
        self.control.tell_output();
        let moment = self.moment();
        for (plan, container) in self.plan.containers.iter().zip(&mut self.containers) {
            if let Some(trouble) = container.output.news(&plan.name, moment) {
                self.control.tell(&Notice::Trouble(trouble));
            }
        }
        let errno = self.journal.stuck().map(|stuck| stuck.errno);
        if std::mem::replace(&mut self.journal_trouble, errno) != errno
            && let Some(errno) = errno
        {
            self.control.tell(&Notice::Trouble(Trouble::Journal { errno }));
        }
    }

    /// When something that could not be written is tried again.
    fn retries_due(&self) -> Option<u64> {
        let outputs = self.containers.iter().filter_map(|container| container.output.due());
        outputs.chain(self.journal.stuck().map(|stuck| stuck.retry_at())).min()
    }

    fn act(&mut self, step: Step) {
        match step {
            Step::Start(index) => self.start(index),
            Step::Ask(index) => {
                let now = self.now();
                if let Progress::Running { asked_to_stop, .. } = &mut self.containers[index].progress {
                    *asked_to_stop = Some(now);
                }
                self.signal(index, self.plan.containers[index].stop_signal);
            }
            Step::Kill(index) => self.force(index),
            Step::GiveUp(index, why) => {
                let name = self.plan.containers[index].name.clone();
                let failure = why.map(|why| {
                    let message =
                        format!("Task dependencies cannot be resolved, taskArn: {}: {why}", self.plan.task_arn);
                    Failure::new(FailureName::TaskDependencyError, message).of_container(name.clone())
                });
                self.containers[index].progress = Progress::Never;
                self.record(Event::NotStarted { container: name, failure });
            }
        }
    }

    fn start(&mut self, index: usize) {
        let now = self.now();
        let plan = &self.plan.containers[index];
        let name = plan.name.clone();
        self.containers[index].out_of_memory_before = self.cgroups.out_of_memory_kills(&self.plan.task_id, &name);
        let mark = self.diagnosis.mark();
        match launch(self.runtime.as_ref(), plan) {
            Ok((pid, streams)) => {
                let container = &mut self.containers[index];
                container.pid = Some(pid);
                container.streams = streams;
                container.checks = plan.health_check.clone().map(|check| Checks::new(check, now));
                container.last_start = Some(now);
                container.progress =
                    Progress::Running { since: now, health: Health::Unknown, asked_to_stop: None, killed: Killed::No };
                self.record(Event::Started { container: name, pid: pid.as_raw() });
            }
            Err(mut failure) => {
                if failure.name == FailureName::CannotCreateContainerError
                    && let Some(detail) = self.diagnosis.since(mark)
                {
                    failure.message = format!("{}: {detail}", failure.message);
                }
                self.containers[index].progress = Progress::Never;
                // A process that was created and may not start is still there.
                self.end_rest(index);
                self.leave(index);
                self.record(Event::NotStarted { container: name, failure: Some(failure) });
            }
        }
    }

    /// Strikes at a container with all of its processes; says so when that does not end it.
    fn force(&mut self, index: usize) {
        let now = self.now();
        let (task, name) = (self.plan.task_id.as_str(), self.plan.containers[index].name.clone());
        if self.quota.is_none() {
            self.quota = self.cgroups.lift_quota(task);
        }
        let struck = self.cgroups.strike_container(task, &name);
        self.signal(index, nix::libc::SIGKILL);
        let container = &mut self.containers[index];
        if let Progress::Running { killed, .. } = &mut container.progress {
            *killed = Killed::At(now);
        }
        let began = *container.force_began.get_or_insert(now);
        if container.told_of_survivors || Duration::from_millis(now - began) < KILL_PATIENCE {
            return;
        }
        container.told_of_survivors = true;
        let error = struck.map_or_else(|error| error, KillError::Survivors);
        let failure = Failure::new(FailureName::CannotStopContainerError, chain(&error)).of_container(name.clone());
        self.record(Event::NotStopped { container: name, failure });
    }

    fn signal(&self, index: usize, signal: i32) {
        if let Some(pid) = self.containers[index].pid {
            // SAFETY: a plain system call; the process is our child and not yet reaped, so the number is its own. Real-time
            // signals have no name in nix.
            unsafe { nix::libc::kill(pid.as_raw(), signal) };
        }
    }

    /// Takes in the ends of child processes.
    fn reap(&mut self) {
        loop {
            let (pid, code) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, code),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, 128 + signal as i32),
                Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::ECHILD) => return,
                Ok(_) | Err(_) => continue,
            };
            if let Some(index) = self.containers.iter().position(|container| container.pid == Some(pid)) {
                self.ended(index, code);
            } else if let Some(index) = self
                .containers
                .iter()
                .position(|container| container.check.as_ref().is_some_and(|check| check.helper == pid))
            {
                self.checked(index, CheckResult::of(code));
            }
        }
    }

    fn ended(&mut self, index: usize, exit_code: i32) {
        let name = self.plan.containers[index].name.clone();
        // With a shared process namespace others of the container may still live; they hold its output open.
        self.end_rest(index);
        self.drain(index);
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
        if !again {
            let moment = self.moment();
            self.containers[index].output.end(moment);
        }
        self.record(Event::Exited { container: name, exit_code, failure, next });
        if again {
            self.start(index);
        } else {
            self.containers[index].progress = Progress::Ended(exit_code);
        }
    }

    /// Ends what is left of a container without its first process. What survives is told, and is the task's removal's.
    fn end_rest(&mut self, index: usize) {
        let name = self.plan.containers[index].name.clone();
        let Err(error) = self.cgroups.kill_container(&self.plan.task_id, &name) else { return };
        let failure = Failure::new(FailureName::CannotStopContainerError, chain(&error)).of_container(name.clone());
        self.record(Event::NotStopped { container: name, failure });
    }

    /// Takes away what a container's run left behind.
    fn leave(&self, index: usize) {
        let plan = &self.plan.containers[index];
        self.runtime.delete(plan);
        // What stays busy is taken away with the task.
        let _ = self.cgroups.remove_container(&self.plan.task_id, &plan.name);
    }

    /// Begins the checks that are due, ends those that take too long, and answers when to look again.
    fn checks_due(&mut self) -> Option<u64> {
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
                    let begun = check_helper(self.runtime.as_ref(), &self.plan.containers[index], &command);
                    if let Ok(helper) = begun {
                        self.containers[index].check = Some(RunningCheck { helper, deadline });
                        deadline
                    } else {
                        self.checked(index, CheckResult::Failed);
                        self.containers[index].checks.as_ref().map_or(now, Checks::next_at)
                    }
                }
                None => checks.next_at(),
            };
            next = Some(next.map_or(at, |next| next.min(at)));
        }
        next
    }

    fn checked(&mut self, index: usize, result: CheckResult) {
        let now = self.now();
        let container = &mut self.containers[index];
        container.check = None;
        let Some(changed) = container.checks.as_mut().and_then(|checks| checks.result(result, now)) else {
            return;
        };
        if let Progress::Running { health, .. } = &mut container.progress {
            *health = changed;
        }
        let name = self.plan.containers[index].name.clone();
        self.record(Event::Health { container: name, health: changed });
    }

    /// Moves what containers printed.
    fn move_output(&mut self) {
        let moment = self.moment();
        for (plan, container) in self.plan.containers.iter().zip(&mut self.containers) {
            let output = &mut container.output;
            let before = output.length();
            output.settle(moment);
            container.streams.retain_mut(|stream| {
                for _ in 0..READS_IN_A_ROW {
                    if !output.wants_more() {
                        break;
                    }
                    match stream.pump(output, moment) {
                        Found::Some => {}
                        Found::Nothing => break,
                        Found::End => {
                            stream.finish(output, moment);
                            return false;
                        }
                    }
                }
                true
            });
            if output.length() != before {
                self.control.mark_output(&plan.name);
            }
        }
    }

    /// Moves everything that is left after a container's processes are gone.
    fn drain(&mut self, index: usize) {
        let moment = self.moment();
        let container = &mut self.containers[index];
        for mut stream in std::mem::take(&mut container.streams) {
            let mut reads = 0..LAST_READS;
            while reads.next().is_some() && stream.pump(&mut container.output, moment) == Found::Some {}
            stream.finish(&mut container.output, moment);
        }
        self.control.mark_output(&self.plan.containers[index].name);
    }

    fn record(&mut self, event: Event) {
        let record = Record { at: Timestamp::from_milliseconds(now_milliseconds()), event };
        self.journal.append(record.clone(), self.now());
        self.tell_news();
        self.control.tell(&Notice::Record(record));
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
        let read_on = self.containers.iter().filter(|container| container.output.wants_more());
        for stream in read_on.flat_map(|container| &container.streams) {
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

    fn moment(&self) -> Moment {
        Moment { at: now_milliseconds(), now: self.now() }
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
