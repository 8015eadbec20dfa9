//! The default runtime: youki's libcontainer, linked in, called by the shim.
//!
//! Its traps, and what is done about each: it runs Rust code after a raw clone3, so its caller has one thread; a sibling
//! would become the child of the shim's parent, so it is never asked for one; without its seccomp feature a profile is
//! silently ignored, and control groups of version 1 are mounted writable in any case, so [`super::confinement`] looks
//! before the program begins; it leaves the parent control group behind, which [`super::cgroup`] takes away; the secret environment never enters its files, because the executor adds it.

use std::collections::HashMap;
use std::fs;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use domain::failure::{Failure, FailureName};
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::oci_spec::runtime::Spec;
use libcontainer::syscall::syscall::SyscallType;
use libcontainer::workload::{Executor, ExecutorError, ExecutorSetEnvsError, ExecutorValidationError};
use nix::fcntl::OFlag;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, pipe2};

use super::confinement::confine;
use super::execute::{Execution, Role, Secrets, read_failure};
use super::{Output, Running, Runtime, RuntimeError, chain};
use crate::shim::plan::ContainerPlan;

/// The linked-in runtime of one task.
pub(crate) struct LinkedRuntime {
    state: PathBuf,
    secrets: Secrets,
}

impl LinkedRuntime {
    /// `state` is a directory of the task that is this runtime's own.
    pub(crate) fn new(state: PathBuf, secrets: Secrets) -> Self {
        Self { state, secrets }
    }

    fn execution(&self, container: &ContainerPlan, arguments: Vec<String>, failure: OwnedFd, role: Role) -> Execution {
        Execution {
            container: container.name.clone(),
            arguments: Rc::new(arguments),
            environment: Rc::new(container.environment.clone()),
            secrets: Rc::clone(&self.secrets),
            failure: Rc::new(failure),
            role,
        }
    }

    fn builder(&self, container: &ContainerPlan, execution: Execution) -> Result<ContainerBuilder, RuntimeError> {
        fs::create_dir_all(&self.state).map_err(RuntimeError::file(&self.state))?;
        let builder = ContainerBuilder::new(container.name.clone(), SyscallType::default())
            .with_executor(TaskExecutor(execution))
            .with_root_path(&self.state)
            .and_then(ContainerBuilder::validate_id)?;
        Ok(builder)
    }

    fn create(&self, container: &ContainerPlan, output: Output, failure: OwnedFd) -> Result<Running, RuntimeError> {
        let role = if container.init_process { Role::ProgramUnderInit } else { Role::Program };
        let execution = self.execution(container, container.arguments.clone(), failure, role);
        let mut builder = self.builder(container, execution)?;
        let console = match output {
            Output::Pipes(stdout, stderr) => {
                builder = builder.with_stdin(null()?).with_stdout(stdout).with_stderr(stderr);
                None
            }
            Output::Terminal => {
                let console = Console::listen(&container.bundle)?;
                builder = builder.with_console_socket(Some(console.path.clone()));
                Some(console)
            }
        };
        let mut created =
            builder.as_init(&container.bundle).with_systemd(false).as_sibling(false).with_detach(true).build()?;
        let pid = created.pid().ok_or_else(|| RuntimeError::NoProcess("libcontainer".to_owned()))?;
        let pid = Pid::from_raw(pid.as_raw());
        let terminal = console.map(Console::accept).transpose()?;
        confine(pid, &container.bundle)?;
        created.start()?;
        Ok(Running { pid, terminal })
    }
}

impl Runtime for LinkedRuntime {
    fn start(&self, container: &ContainerPlan, output: Output) -> Result<Running, Failure> {
        let cannot = |name, message: String| Failure::new(name, message).of_container(container.name.clone());
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)
            .map_err(|errno| cannot(FailureName::CannotStartContainerError, chain(&RuntimeError::Pipe(errno))))?;
        let running = self
            .create(container, output, writer)
            .map_err(|error| cannot(FailureName::CannotCreateContainerError, chain(&error)))?;
        let message = read_failure(reader.as_fd());
        if message.is_empty() {
            return Ok(running);
        }
        let _ = waitpid(running.pid, None);
        Err(cannot(
            FailureName::CannotStartContainerError,
            format!("failed to create task: unable to start container process: {message}"),
        ))
    }

    fn execute(&self, container: &ContainerPlan, command: &[String]) -> Result<Pid, RuntimeError> {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).map_err(RuntimeError::Pipe)?;
        let execution = self.execution(container, command.to_vec(), writer, Role::Helper);
        let process = exec_process(&container.bundle, command)?;
        let pid = self
            .builder(container, execution)?
            .with_stdin(null()?)
            .with_stdout(null()?)
            .with_stderr(null()?)
            .as_tenant()
            .with_detach(true)
            .as_sibling(false)
            .with_process(Some(&process))
            .build();
        let _ = fs::remove_file(&process);
        let pid = Pid::from_raw(pid?.as_raw());
        let message = read_failure(reader.as_fd());
        if message.is_empty() { Ok(pid) } else { Err(RuntimeError::Said(message)) }
    }

    fn delete(&self, container: &ContainerPlan) {
        let _ = fs::remove_dir_all(self.state.join(&container.name));
    }
}

/// A `process.json` for one command: the container's own process (user, capabilities, limits) with other arguments.
fn exec_process(bundle: &Path, command: &[String]) -> Result<PathBuf, RuntimeError> {
    let path = bundle.join("config.json");
    let text = fs::read(&path).map_err(RuntimeError::file(&path))?;
    let mut config: serde_json::Value =
        serde_json::from_slice(&text).map_err(|source| RuntimeError::Config { path, source })?;
    let mut process = config["process"].take();
    process["args"] = serde_json::json!(command);
    process["terminal"] = serde_json::json!(false);
    let path = bundle.join(format!("exec-{}.json", std::process::id()));
    fs::write(&path, process.to_string()).map_err(RuntimeError::file(&path))?;
    Ok(path)
}

/// libcontainer's door to [`Execution`].
#[derive(Clone)]
struct TaskExecutor(Execution);

impl Executor for TaskExecutor {
    fn exec(&self, _: &Spec) -> Result<(), ExecutorError> {
        Err(ExecutorError::Other(self.0.run()))
    }

    /// The exec itself tells best whether it can be done.
    fn validate(&self, _: &Spec) -> Result<(), ExecutorValidationError> {
        Ok(())
    }

    /// The environment is given to the exec and never set in this process.
    fn setup_envs(&self, _: HashMap<String, String>) -> Result<(), ExecutorSetEnvsError> {
        Ok(())
    }
}

/// The socket over which a container hands its terminal out.
struct Console {
    path: PathBuf,
    listener: UnixListener,
}

impl Console {
    fn listen(bundle: &Path) -> Result<Self, RuntimeError> {
        let path = bundle.join("console");
        let _ = fs::remove_file(&path);
        let listener = crate::shim::bind_socket(&path).map_err(RuntimeError::file(&path))?;
        Ok(Self { path, listener })
    }

    fn accept(self) -> Result<OwnedFd, RuntimeError> {
        let (stream, _) = self.listener.accept().map_err(RuntimeError::file(&self.path))?;
        let _ = fs::remove_file(&self.path);
        let mut buffer = [0_u8; 4096];
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
        let message = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)
            .map_err(RuntimeError::Pipe)?;
        for part in message.cmsgs().map_err(RuntimeError::Pipe)? {
            if let ControlMessageOwned::ScmRights(descriptors) = part
                && let Some(descriptor) = descriptors.first()
            {
                // SAFETY: the kernel has just made this descriptor for us.
                return Ok(unsafe { OwnedFd::from_raw_fd(*descriptor) });
            }
        }
        Err(RuntimeError::NoTerminal)
    }
}

fn null() -> Result<OwnedFd, RuntimeError> {
    let file = fs::OpenOptions::new().read(true).write(true).open("/dev/null");
    file.map(OwnedFd::from).map_err(RuntimeError::file("/dev/null"))
}
