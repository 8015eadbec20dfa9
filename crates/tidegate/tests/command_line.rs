//! What the commands say: help, and errors a person can act on. Nothing here starts a server.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};

use expect_test::{Expect, expect};

fn tidegate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate")).args(arguments).env_clear().output().expect("the binary starts")
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// The command fails and says this on standard error.
fn refuses(arguments: &[&str], wanted: &Expect) {
    let output = tidegate(arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert!(output.stdout.is_empty(), "{arguments:?} printed {}", said(&output.stdout));
    wanted.assert_eq(&said(&output.stderr));
}

#[test]
fn help_says_what_there_is() {
    let output = tidegate(&["--help"]);
    assert!(output.status.success());
    expect![[r#"
        Fargate that you run yourself: AWS's APIs for ECS tasks, on this machine, for real

        Usage: tidegate <COMMAND>

        Commands:
          serve    Run the server in the foreground
          env      Print the variables that make every AWS client use the server: eval "$(tidegate env)"
          demo     Walk the road of a private image on this machine, with a registry of its own
          explain  Say why a task is where it is, or why a call was answered as it was, and what to do about it
          console  Print a link that signs a browser in to the web console, once, within five minutes
          check    Check the whole road of a task definition, from its roles to its image, without starting anything
          audit    Print who did what, on which resource, and which statement allowed or denied it
          ps       List the tasks of all clusters
          logs     Print what a task's containers have printed
          doctor   Look at what this machine has of what tasks need
          help     Print this message or the help of the given subcommand(s)

        Options:
          -h, --help     Print help
          -V, --version  Print version

        Begin with:  tidegate demo
    "#]]
    .assert_eq(&said(&output.stdout));
}

#[test]
fn serve_names_its_options_and_defaults() {
    let output = tidegate(&["serve", "-h"]);
    assert!(output.status.success());
    expect![[r"
        Run the server in the foreground

        Usage: tidegate serve [OPTIONS]

        Options:
              --data-dir <DIRECTORY>        Where everything durable lies [env: TIDEGATE_DATA_DIR=] [default: /var/lib/tidegate]
              --listen <ADDRESS>            The address to listen on [default: 127.0.0.1:4566]
              --region <REGION>             The region of whoever names none; all others are served too [default: us-east-1]
              --account <12 DIGITS>         The account that exists from the start [default: 123456789012]
              --console-host <NAME>         A host name under which the web console may be opened, beside localhost and addresses
              --root-key-command <COMMAND>  Prints the root key, as 64 hexadecimal digits or in base64, from where it is kept; see also TIDEGATE_ROOT_KEY [default: the file root.key of the data directory]
              --console-dir <DIRECTORY>     Serve the web console's files from here instead of those in this binary, for who works on it
              --public-pool <CIDR>          A range from which tasks get public addresses [default: 198.51.100.0/24, reachable from this host only]
              --registries <FILE>           Mirrors, certificates and other settings per registry [default: /etc/tidegate/registries.toml, if it is there]
              --runtime <RUNTIME>           What starts containers: libcontainer (built in), or the command of an OCI runtime such as runc or runsc [default: libcontainer]
              --rotation-command <COMMAND>  What rotates secrets in the place of Lambda functions: a shell command, called once for each step, with TIDEGATE_ROTATION_STEP, TIDEGATE_ROTATION_SECRET_ID, TIDEGATE_ROTATION_CLIENT_REQUEST_TOKEN and AWS credentials in its environment [default: RotateSecret is refused]
              --network-name <NAME>         What network names begin with; a second server on this machine needs another one [default: tg]
              --network-link <CIDR>         Four link-local addresses between host and tasks; a second server on this machine needs others [default: 169.254.172.0/30]
              --audit-days <DAYS>           How many days audit events are kept [default: 90]
              --audit-mib <MIB>             How many MiB of audit events are kept at most; the oldest go first [default: 1024]
          -h, --help                        Print help
    "]].assert_eq(&said(&output.stdout));
}

#[test]
fn without_a_server_the_commands_say_how_to_start_one() {
    let wanted = expect![[r"
        error: there is no Tidegate server in /nonexistent/tidegate yet.
        Start one:  tidegate serve --data-dir /nonexistent/tidegate
        Or name another data directory with --data-dir.
    "]];
    for command in [&["env"][..], &["ps"], &["explain", "0123"], &["logs", "0123"]] {
        let mut arguments = command.to_vec();
        arguments.extend(["--data-dir", "/nonexistent/tidegate"]);
        refuses(&arguments, &wanted);
    }
}

#[test]
fn wrong_options_are_told() {
    refuses(
        &["serve", "--account", "12"],
        &expect![[r"
        error: invalid value '12' for '--account <12 DIGITS>': an account is 12 digits

        For more information, try '--help'.
    "]],
    );
    refuses(
        &["serve", "--network-link", "10.0.0.0/8"],
        &expect![[r"
        error: invalid value '10.0.0.0/8' for '--network-link <CIDR>': the range has four addresses (/30)

        For more information, try '--help'.
    "]],
    );
}

#[test]
fn a_directory_that_is_served_already_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let lock = directory.path().join("lock");
    std::fs::write(&lock, "4711").expect("written");
    let held = File::open(&lock).expect("opened");
    held.lock().expect("locked");
    let path = directory.path().to_str().expect("text");
    let output = tidegate(&["serve", "--data-dir", path, "--listen", "127.0.0.1:0"]);
    assert!(!output.status.success());
    let wanted = format!(
        "error: another Tidegate server (process 4711) already serves {path}; end it first, or choose another directory \
         with --data-dir\n"
    );
    assert_eq!(said(&output.stderr), wanted);
}

#[test]
fn a_server_that_is_gone_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = "[default]\nendpoint_url = http://127.0.0.1:1\nregion = us-east-1\naws_access_key_id = AKIA1\n\
                aws_secret_access_key = secret-value\n";
    std::fs::write(directory.path().join("credentials"), file).expect("written");
    refuses(
        &["ps", "--data-dir", path_of(directory.path())],
        &expect![[r"
            error: no Tidegate server answers at http://127.0.0.1:1 (Connection refused (os error 111)); is `tidegate serve` running?
        "]],
    );
    let output = tidegate(&["env", "--data-dir", path_of(directory.path())]);
    expect![[r"
        export AWS_ENDPOINT_URL='http://127.0.0.1:1'
        export AWS_ACCESS_KEY_ID='AKIA1'
        export AWS_SECRET_ACCESS_KEY='secret-value'
        export AWS_REGION='us-east-1'
        export AWS_DEFAULT_REGION='us-east-1'
        unset AWS_SESSION_TOKEN AWS_PROFILE
    "]]
    .assert_eq(&said(&output.stdout));
}

fn path_of(path: &Path) -> &str {
    path.to_str().expect("text")
}
