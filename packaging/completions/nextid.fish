# Completion of nextid's command line for fish. What there is to choose, the program itself says: see
# `nextid complete` in docs/cli.md. To be sourced, or installed in vendor_completions.d.

function __nextid_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -l program (string replace -r -- '^~/' "$HOME/" $before[1])
    set -e before[1]
    type -q -- $program; or return
    set -l option (string match -r -- '^--[^=]*=' "$word")
    for line in ($program complete $before "$word" 2>/dev/null </dev/null)
        switch $line
            case :files
                printf '%s\n' "$option"(__fish_complete_path (string replace -- "$option" '' "$word"))
            case :directories
                printf '%s\n' "$option"(__fish_complete_directories (string replace -- "$option" '' "$word"))
            case '*'
                echo $line
        end
    end
end

complete -c nextid -f -a '(__nextid_complete)'
