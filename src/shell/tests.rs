//! Scripts and what is found in them.

use crate::shell::{Certainty, Env, Evaluated, Frame, Invocation, Limits, Symbolic, commands, evaluate, parse};

fn evaluated(text: &str) -> Evaluated {
    evaluate(&parse(text, Limits::default()), &Env::default())
}

/// A value with `<…>` for what is not known.
fn shown(value: &Symbolic) -> String {
    use crate::shell::Atom;
    value
        .atoms
        .iter()
        .map(|atom| match atom {
            Atom::Literal(text) => text.clone(),
            Atom::Variable { name, generation: 0 } => format!("<{name}>"),
            Atom::Variable { name, generation } => format!("<{name}#{generation}>"),
            Atom::Opaque { cause, .. } => format!("<{cause:?}>"),
            Atom::Derived { base, .. } => format!("<~{}>", shown(base)),
        })
        .collect()
}

fn line(invocation: &Invocation) -> String {
    let mark = match invocation.certainty {
        Certainty::Always => "",
        Certainty::Conditional => "? ",
        Certainty::Repeated => "* ",
    };
    let forgiven = if invocation.ignores_failure { "~ " } else { "" };
    let definition = if invocation.is_definition() { "def " } else { "" };
    let words: Vec<String> = invocation
        .argv()
        .iter()
        .map(|argument| format!("{}{}", shown(&argument.value), if argument.splittable { "…" } else { "" }))
        .collect();
    format!("{mark}{forgiven}{definition}{}", words.join(" | "))
}

fn lines(text: &str) -> Vec<String> {
    commands(&parse(text, Limits::default())).iter().map(|found| line(found)).collect()
}

#[test]
fn commands_come_in_execution_order_with_certainty_and_arguments() {
    let table: &[(&str, &[&str])] = &[
        ("docker build -t a:b .", &["docker | build | -t | a:b | ."]),
        ("a && b | c", &["a", "b", "c"]),
        ("a || true", &["~ a", "? true"]),
        ("a || exit 1", &["a", "? exit | 1"]),
        ("a || b && c || :", &["~ a", "? ~ b", "~ c", "? :"]),
        ("[ -f x ] && a", &["~ [ | -f | x | ]", "? a"]),
        ("! a", &["~ a"]),
        ("a &\nb", &["~ a", "b"]),
        ("if a; then b; elif c; then d; else e; fi", &["~ a", "? b", "? ~ c", "? d", "? e"]),
        ("for i in a b; do docker push $i || true; done", &["* ~ docker | push | <Loop>…", "* true"]),
        ("until docker info; do sleep 1; done", &["* ~ docker | info", "* sleep | 1"]),
        ("while read -r l; do c \"$l\"; done < list", &["* ~ read | -r | l", "* c | <Read>"]),
        ("case $X in a|b) c;; *) d; e;; esac", &["? c", "? d", "? e"]),
        ("f() { a \"$1\"; }\nf x", &["? def a | <f:1>", "f | x", "a | x"]),
        ("function g { b; } ; g", &["? def b", "g", "b"]),
        ("f() { a \"$@\"; }\nf x 'y z'", &["? def a | <Argument>…", "f | x | y z", "a | x | y z"]),
        ("echo $(a `b`) \"$(c \"$(d)\")\"", &["b", "a | <Command>…", "d", "c | <Command>", "echo | <Command>… | <Command>"]),
        ("(cd x; a); { b; } > log", &["cd | x", "a", "b"]),
        ("for ((i=0;i<3;i++)); do a; done; (( x++ )); [[ $a =~ ^(b|c)$ && -n $d ]] && e", &["* a", "? e"]),
        (
            "cat <<EOF | docker build -t x - && echo done\nhi $(cmd) it's\nEOF\nafter",
            &["cmd", "cat", "docker | build | -t | x | -", "echo | done", "after"],
        ),
        ("docker build - <<-'EOF' -t x > log\n\tFROM $(no)\n\tEOF\nb", &["docker | build | - | -t | x", "b"]),
        ("cmd 2>/dev/null arg > out 2>&1 x &> y", &["cmd | arg | x"]),
        ("docker build \\\n  --no-cache \\\r\n  .\r\nb\r\n", &["docker | build | --no-cache | .", "b"]),
        ("echo a # no $(b)\n# c\nd", &["echo | a", "d"]),
        ("\"docker\" 'pull' do''ne \\x $'a\\nb' \"\" a\"$b\"c", &["docker | pull | done | x | a\nb |  | a<b>c"]),
        ("docker rmi *.x a{b,c} {{.ID}} ~/y a~b [a]", &["docker | rmi | *.x… | a{b,c}… | {{.ID}} | ~/y… | a~b | [a]…"]),
        ("a $[[ inputs.x | expand_vars ]] b-$[[ inputs.y ]]", &["a | <Interpolation>… | b-<Interpolation>…"]),
        ("diff <(a) >(b)", &["a", "b", "diff | <Command> | <Command>"]),
        ("echo `a \\`b\\``", &["b", "a | <Command>…", "echo | <Command>…"]),
        ("trap 'docker stop x' EXIT", &["trap | docker stop x | EXIT", "? ~ docker | stop | x"]),
        ("X=(a $(b)) && c", &["b", "c"]),
        ("export A=$(a)", &["a", "export | A=<Command>…"]),
        ("if a\nthen\n  b\nfi && c\nd", &["~ a", "? b", "c", "d"]),
        ("y=$(case $x in a) b;; esac)", &["? b"]),
        ("x $(($(a) * 2)); (( $(b) > 1 )); for ((i=$(c);;)); do d; done", &["a", "x | <Arithmetic>…", "b", "c", "* d"]),
        ("{ (a) }; if (b) then c; fi", &["a", "~ b", "? c"]),
        ("a;\n\n;b", &["a", "b"]),
    ];
    for (script, expected) in table {
        assert_eq!(&lines(script), expected, "{script}");
    }
}

#[test]
fn wrappers_are_stripped_down_to_the_program_that_runs() {
    let table: &[(&str, &[&str])] = &[
        ("sudo -E -u root docker build .", &["docker | build | ."]),
        ("env A=b -u C docker push x", &["docker | push | x"]),
        ("time timeout -k 5 10m nice -n 5 docker pull x", &["docker | pull | x"]),
        ("retry -t 3 docker push x", &["docker | push | x"]),
        ("command -v docker", &["command | -v | docker"]),
        ("exec docker run x", &["docker | run | x"]),
        ("docker ps -q | xargs -r -n 1 docker rm -f", &["docker | ps | -q", "docker | rm | -f"]),
        ("sh -c 'docker build .'", &["sh | -c | docker build .", "docker | build | ."]),
        ("bash -ec \"docker build -t $X .\"", &["bash | -ec | docker build -t <X> .", "docker | build | -t | <X>… | ."]),
        ("eval \"a b\"; c", &["eval | a b", "a | b", "c"]),
        ("ssh -i k user@host docker pull x", &["ssh | -i | k | user@host | docker | pull | x", "docker | pull | x"]),
        ("/usr/bin/docker info", &["/usr/bin/docker | info"]),
    ];
    for (script, expected) in table {
        assert_eq!(&lines(script), expected, "{script}");
    }
    let remote = commands(&parse("ssh h docker ps; ssh h 'docker pull x'", Limits::default()));
    assert_eq!(remote.iter().map(|found| found.is_remote()).collect::<Vec<_>>(), [false, true, false, true]);
    let unknown = commands(&parse("xargs docker rm", Limits::default()));
    assert!(unknown[0].unknown_arguments && unknown[0].wrappers[0].arguments == (0..1));
}

#[test]
fn quoted_scripts_are_read_where_they_stand_unless_they_are_escaped() {
    let text = "sh -c 'a; docker push x'; sh -c \"b \\\"c\\\"\"";
    let script = parse(text, Limits::default());
    let all = commands(&script);
    let places: Vec<(&str, bool)> = all.iter().map(|i| (script.slice(i.command.range), i.opaque)).collect();
    assert_eq!(places[1..3], [("a", false), ("docker push x", false)]);
    assert_eq!(places[4], ("\"b \\\"c\\\"\"", true));
}

#[test]
fn equal_texts_have_equal_values_however_they_are_written() {
    let mut env = Env::default();
    env.set("IMAGE", Symbolic::from_gitlab("$CI_REGISTRY_IMAGE/app:${TAG}"));
    env.set("ARGS", Symbolic::literal("--no-cache --pull"));
    let table: &[(&str, &str)] = &[
        ("IMG=\"$REPO:$TAG\"; x $IMG", "<REPO>:<TAG>…"),
        ("x \"${REPO}:${TAG}\"", "<REPO>:<TAG>"),
        ("x $IMAGE", "<CI_REGISTRY_IMAGE>/app:<TAG>…"),
        ("x $ARGS", "--no-cache | --pull"),
        ("x \"$ARGS\"", "--no-cache --pull"),
        ("A=1 x $A", "<A>…"),
        ("A=1; A=2 y; x $A", "1"),
        ("export A=1; x $A", "1"),
        ("A=${B:-c}; x \"$A\"", "<~<B>>"),
        ("B=b; x ${B:-c} ${C+d}", "b | <~<C>>…"),
        ("B=; x \"${B:-c}\" \"${B-c}\" $B", "c | "),
        ("V=a/b/c; x ${V%%/*} ${V##*/} ${V%/*} ${V#*/} ${V:2:1} ${V//\\//-} ${V/a/z}", "a | c | a/b | b/c | b | a-b-c | z/b/c"),
        ("if a; then B=1; else B=1; fi; x $B", "1"),
        ("if a; then B=1; fi; x $B", "<Branch>…"),
        ("B=2; for i in a; do x $B; B=1; done", "<Loop>…"),
        ("B=2; (B=1); B=3 | cat; x $B", "2"),
        ("source f; x $B", "<B#1>…"),
        ("B=1; . f; x $B $IMAGE", "<B#1>… | <CI_REGISTRY_IMAGE>/app:<TAG>…"),
        ("unset B; x $B", "<Unset>…"),
        ("f() { local B=1; C=2; }; B=0; f; x $B $C", "0 | 2"),
        ("A=a; A+=b; x $A", "ab"),
        ("[ -n \"$A\" ] || A=b; x $A", "<Branch>…"),
    ];
    for (script, expected) in table {
        let all = evaluate(&parse(script, Limits::default()), &env);
        let found = all.named("x").next().unwrap_or_else(|| panic!("no x in {script}"));
        assert_eq!(line(found).trim_start_matches("* ").trim_start_matches("x | "), *expected, "{script}");
    }
}

#[test]
fn a_command_s_output_equals_itself_only_through_one_variable() {
    let all = evaluated("V=$(git describe)\nx $V\nx $V\nx $(git describe)");
    let values: Vec<&Symbolic> = all.named("x").map(|i| &i.argv()[1].value).collect();
    assert!(values[0] == values[1] && values[1] != values[2]);
}

#[test]
fn the_working_directory_follows_cd() {
    let table = [
        ("cd a && x", "<PWD>/a"),
        ("cd /a; cd ./b; x", "/a/b"),
        ("cd $D; x", "<Expansion>"),
        ("cd \"$D\"; x", "<D>"),
        ("(cd a); x", "<PWD>"),
        ("cd a; cd -; x", "<Expansion>"),
    ];
    for (script, expected) in table {
        let all = evaluated(script);
        assert_eq!(shown(&all.named("x").next().unwrap().directory), expected, "{script}");
    }
}

#[test]
fn the_path_names_the_constructs_around_a_command() {
    let all = evaluated("if a; then (b | $(c) &) fi");
    let found = all.named("c").next().unwrap();
    assert_eq!(
        found.path,
        [
            Frame::If { branch: 0, condition: false },
            Frame::Subshell,
            Frame::Background,
            Frame::Pipeline { stage: 1, of: 2 },
            Frame::Substitution
        ]
    );
    assert_eq!(found.pipe(), Some((1, 2)));
}

#[test]
fn what_no_shell_accepts_is_marked_and_the_rest_is_still_read() {
    let table = [
        ("a\necho \"unclosed\nb", vec!["a", "echo | unclosed\nb"]),
        ("if a\nthen\nb", vec!["~ a", "? b"]),
        ("a )\nb", vec!["a", "b"]),
        ("fi\nb", vec!["b"]),
        ("a (b)\nc", vec!["a", "c"]),
        ("$(a.Substring(0,7))", vec!["a.Substring", "<Command>…"]),
        ("cat <<EOF\nx", vec!["cat"]),
        ("echo $(a", vec!["a", "echo | <Command>…"]),
        ("a && \n", vec!["a"]),
        ("echo ${x", vec!["echo | <~<x>>…"]),
        ("if a; then\n# nothing\nfi\nb", vec!["~ a", "b"]),
        ("a;\n; b", vec!["a", "b"]),
        ("for x in 1; do a && done", vec!["* a"]),
        ("]] a\nb", vec!["b"]),
        ("case x in a b) c;; esac", vec!["? b", "? c"]),
        ("cat <<EOF\nx\\\nEOF\na", vec!["cat"]),
        ("cat <<EOF `a |\nb`\nx", vec!["a", "b", "x", "cat | <Command>…"]),
        ("cat <<EOF $((`a |\nb`))", vec!["a", "b", "cat | <Arithmetic>…"]),
        ("a $NAME\\\nX", vec!["a | <NAME>X…"]),
        ("a ${NAME\"}\"", vec!["a | <~<NAME>>…"]),
        ("a\\", vec!["a\\"]),
        ("a >2>&1 b", vec!["a | b"]),
        ("for x in 1; do a; ! done", vec!["* a"]),
        ("a \"${X:1\\}\"", vec!["a | <~<X>>"]),
        ("a |! b", vec!["a", "b"]),
    ];
    for (text, expected) in table {
        let script = parse(text, Limits::default());
        assert!(!script.errors.is_empty(), "{text}");
        assert_eq!(commands(&script).iter().map(|found| line(found)).collect::<Vec<_>>(), expected, "{text}");
    }
}

#[test]
fn hostile_texts_are_read_in_bounded_time_and_depth() {
    let mut texts: Vec<String> = [
        "$(",
        "(",
        "{ ",
        "if ",
        "f(){ ",
        "`",
        "\"${x:-",
        "$((",
        "a | ",
        "a && ",
        "case x in a) ",
        "<<E ",
        "'",
        "[[ ",
        "\\",
        "<(",
        "\"$(",
        "x() ",
    ]
    .iter()
    .map(|unit| unit.repeat(10_000))
    .collect();
    texts.extend(["<<E ", "a[ ", "$[[ ", "${x[ ", "a=( ", "fi\na\n", "cat <<E\nE\n", "((a) b) "].iter().map(|unit| unit.repeat(20_000)));
    texts.push("docker build . ; ".repeat(10_000));
    texts.push("x".repeat(1 << 20));
    texts.push("é\u{0}\u{7f}$\u{1b}[\r".repeat(10_000));
    texts.push("X=\"$X$X\"\n".repeat(5_000));
    texts.push("f() { f; f; f; }; f\n".repeat(10));
    texts.push("if a; then\nB=1; fi\n".repeat(20_000));
    for text in &texts {
        let script = parse(text, Limits::default());
        let all = evaluate(&script, &Env::default());
        assert!(all.invocations.len() < 400_000, "{}", &text[..20]);
    }
    assert_eq!(parse(&"a\n".repeat(1 << 20), Limits::default()).errors.len(), 1);
}

#[test]
fn other_dialects_are_left_alone() {
    use crate::shell::Dialect;
    let table = [
        ("$env:X = 1\nGet-ChildItem", Dialect::PowerShell),
        ("if ($LASTEXITCODE -ne 0) {\n exit 1\n}", Dialect::PowerShell),
        ("if exist x (\ndocker build .\n)", Dialect::Cmd),
        ("docker build -t %IMAGE% .", Dialect::Cmd),
        ("cat <<'EOF' > x.awk\nif ($0 ~ /x/) {\n}\nEOF", Dialect::Posix),
        ("date +%Y-%m-%d; docker build .", Dialect::Posix),
        ("if [ -f x ]; then echo ${X%%/*}; fi", Dialect::Posix),
    ];
    for (text, dialect) in table {
        let script = parse(text, Limits::default());
        assert_eq!((script.dialect, script.body.is_empty()), (dialect, dialect != Dialect::Posix), "{text}");
    }
}
