# Sourced by the scripts beside it: makes .venv in the checkout and keeps it up to date.
#
# Another Python is chosen with PYTHON=…; deleting .venv starts anew. What was installed for whom is noted in
# .venv/ready-*, so that a second run starts at once; a changed pyproject.toml or Python installs again. A script whose
# packages are to stay apart from those of all others says venv=.venv/NAME after this.

cd "$(dirname "$0")/.." || exit 1
venv=.venv

say() { echo "$*" >&2; }

# The first Python that is new enough; 3.11 first where the bpy wheel, which is for that one, has to stand in for Blender.
find_python() {
    for candidate in ${PYTHON:-$([ -n "$(blender_wheel)" ] && echo python3.11) python3 python3.11 python3.12 python3.13 python3.14}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    say "Python 3.11 or newer is needed (set PYTHON to the one to use)."
    return 1
}

# The extra that brings Blender as a wheel, where there is no Blender.
blender_wheel() {
    [ -n "${BLENDER:-}" ] || command -v blender >/dev/null || echo blender
}

# install_for WHO EXTRAS [PACKAGE…]: make .venv ready. EXTRAS is a comma-separated list, empty for none.
install_for() {
    who=$1 extras=$2
    shift 2
    python=$(find_python) || exit 1
    made_with=$("$python" -c 'import sys; print(sys.base_prefix, sys.version)')
    if [ "$(cat "$venv/made-with" 2>/dev/null)" != "$made_with" ]; then
        say "Making $venv …"
        if ! "$python" -m venv --clear "$venv"; then
            say "$python cannot make virtual environments (on Debian and Ubuntu: apt install python3-venv)."
            exit 1
        fi
        echo "$made_with" >"$venv/made-with"
    fi
    wanted="$extras $* $(cksum <pyproject.toml)"
    [ "$(cat "$venv/ready-$who" 2>/dev/null)" = "$wanted" ] && return
    say "Installing what $who needs (once, this takes half a minute) …"
    pip_install "$extras" "$@"
    echo "$wanted" >"$venv/ready-$who"
}

# The wheel of Blender is large and not for every machine: without it is better than not at all.
pip_install() {
    with=$1
    shift
    without=$(echo ",$with," | sed 's/,blender,/,/; s/^,//; s/,$//')
    if ! pip_takes ".${with:+[$with]}" "$@"; then
        [ "$with" = "$without" ] && exit 1
        say "Going on without the bpy wheel, which cannot be installed here."
        pip_takes ".${without:+[$without]}" "$@" || exit 1
    fi
    # On all processors, where pip takes one; some files are for another Python, or made to be wrong.
    "$venv/bin/python" -m compileall -q -j 0 "$venv/lib" >/dev/null 2>&1 || true
}

# By uv where it can be had, which does in seconds what takes pip half a minute. It knows nothing of pip's settings, so
# pip itself does it where those say where packages are, and where uv cannot.
pip_takes() {
    if ! in_venv pip config list | grep -q index && in_venv pip install --quiet uv >/dev/null 2>&1; then
        "$venv/bin/uv" pip install --quiet --native-tls --python "$venv/bin/python" --editable "$@" && return
        say "uv cannot install this; asking pip …"
    fi
    in_venv pip install --quiet --no-compile --editable "$@"
}

in_venv() { PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m "$@"; }
