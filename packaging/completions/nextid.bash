#!/usr/bin/env bash
# Completion of nextid's command line for bash. What there is to choose, the program itself says: see
# `nextid complete` in docs/cli.md. To be sourced, or installed as share/bash-completion/completions/nextid.

# bash takes words apart at ":" and "="; here they are whole again, the last one up to the cursor.
_nextid_words() {
  local rest=${COMP_LINE:0:COMP_POINT} word blank i
  words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    blank=${rest%%[![:space:]]*}
    rest=${rest#"$blank"}
    word=${COMP_WORDS[i]}
    ((i < COMP_CWORD)) || word=$rest
    rest=${rest#"$word"}
    if ((i == 0)) || [[ -n "$blank" ]]; then words+=("$word"); else words[-1]+=$word; fi
  done
}

_nextid() {
  local words line word breaks done_part=
  _nextid_words
  # Of the last word, bash replaces only what stands behind such a character.
  breaks=${COMP_WORDBREAKS//[^:=]/}
  word=${words[-1]}
  [[ -z "$breaks" ]] || done_part=${word%"${word##*["$breaks"]}"}
  COMPREPLY=()
  while IFS= read -r line; do
    case "$line" in
      :files) compopt -o default ;;
      :directories) compopt -o dirnames ;;
      *)
        word=${line%%$'\t'*}
        COMPREPLY+=("${word#"$done_part"}")
        [[ "$word" != *[/:=,] ]] || compopt -o nospace
        ;;
    esac
  done < <("${words[0]/#\~\//$HOME/}" complete "${words[@]:1}" 2>/dev/null </dev/null)
}

complete -F _nextid nextid
