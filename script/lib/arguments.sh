#!/usr/bin/env bash
# For the scripts, which source it: --help, and wrong arguments, are answered before anything is
# installed or built.

# answer_help SCRIPT ARGUMENT...
# With -h or --help among the arguments, prints the comment at the head of the script and ends.
answer_help() {
  local script=$1 argument
  shift
  for argument; do
    [[ "$argument" == -h || "$argument" == --help ]] || continue
    sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$script"
    exit 0
  done
}

# refuse_argument SCRIPT REASON
refuse_argument() {
  echo "$1: $2; \`$1 --help\` tells what it takes." >&2
  exit 2
}

# check_options SCRIPT OPTIONS ARGUMENT...
# Ends with a sentence unless all arguments are among the options, which have blanks between them; one
# that takes a value has "=" behind it.
check_options() {
  local script=$1 known=" $2 "
  shift 2
  while (($#)); do
    [[ -n "$1" ]] || refuse_argument "$script" "unknown argument ''"
    case "$known" in
      *" $1 "* | *" ${1%%=*} "*) ;;
      *" $1= "*)
        (($# > 1)) || refuse_argument "$script" "'$1' needs a value"
        shift
        ;;
      *" ${1%%=*}= "*) ;;
      *) refuse_argument "$script" "unknown argument '$1'" ;;
    esac
    shift
  done
}

# check_arguments SCRIPT OPTIONS ARGUMENT...
# Both.
check_arguments() {
  answer_help "$1" "${@:3}"
  check_options "$@"
}
