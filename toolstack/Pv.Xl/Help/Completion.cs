using System.Text;
using Pv.Toolstack.CommandLine;

namespace Pv.Xl.Help;

/// <summary>
/// Scripts that complete <c>xl</c>'s words in a shell, made from the command table. Names of domains and pools are asked of a running
/// <c>pvd</c> as they are needed; none is started for it.
/// </summary>
internal static class Completion
{
    public const string Shells = "bash, zsh, fish";

    private static IEnumerable<CommandRow> Rows => CommandRows.All.Where(row => row.IsBuilt);

    /// <summary>The script for a shell; null for one that is not known.</summary>
    public static string? For(string shell) => shell switch
    {
        "bash" => Bash(),
        "zsh" => Zsh(),
        "fish" => Fish(),
        _ => null,
    };

    /// <summary>Both shells run this: a table of what each command takes, and the names that pvd knows.</summary>
    private static void AppendShared(StringBuilder text)
    {
        text.Append("_xl_names() { PV_START=no xl list 2>/dev/null | awk 'NR > 1 { print $1 }'; }\n");
        text.Append("_xl_pools() { PV_START=no xl cpupool-list 2>/dev/null | awk 'NR > 1 { print $1 }'; }\n\n");
        text.Append("# The options of a command; those with an argument end in '='.\n_xl_options() {\n    case $1 in\n");
        foreach (var row in Rows)
            text.Append($"    {row.Name}) echo \"{string.Join(' ', row.Options.SelectMany(Forms).Append("-h").Append("--help"))}\" ;;\n");
        text.Append("    esac\n}\n\n");
        text.Append("# What the argument of an option is: command, option.\n_xl_option_argument() {\n    case $1,$2 in\n");
        foreach (var row in Rows)
        {
            foreach (var option in row.Options.Where(option => option.Argument != null))
                text.Append($"    {string.Join('|', Forms(option).Select(form => $"{row.Name},{form.TrimEnd('=')}"))}) echo {Name(ArgumentKinds.OfOption(option))} ;;\n");
        }
        text.Append("    esac\n}\n\n");
        text.Append("# What stands at a place behind a command: command, place from 0.\n_xl_argument() {\n    case $1,$2 in\n");
        foreach (var row in Rows)
        {
            var (places, repeats) = ArgumentKinds.Of(row);
            for (var i = 0; i < places.Count; i++)
            {
                if (places[i].Kind != ArgumentKind.Other)
                    text.Append($"    {row.Name},{(repeats && i == places.Count - 1 ? "*" : $"{i}")}) echo {string.Join(' ', places[i].Words.Prepend(Name(places[i].Kind)))} ;;\n");
            }
        }
        text.Append("    esac\n}\n\n");
    }

    private static string Bash()
    {
        var text = new StringBuilder("# bash completion of xl. In ~/.bashrc:  source <(xl completion bash)\n\n");
        AppendShared(text);
        text.Append($$"""
            _xl_offer() {
                local kind=$1 word=$2; shift 2
                case $kind in
                domain) COMPREPLY=($(compgen -W "$(_xl_names)" -- "$word")) ;;
                pool) COMPREPLY=($(compgen -W "$(_xl_pools)" -- "$word")) ;;
                file) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")) ;;
                command) COMPREPLY=($(compgen -W "$_xl_commands" -- "$word")) ;;
                word) COMPREPLY=($(compgen -W "$*" -- "$word")) ;;
                *) compopt -o default 2>/dev/null ;;
                esac
            }

            _xl_commands="{{string.Join(' ', Rows.Select(row => row.Name))}}"

            _xl() {
                local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= place=0 i
                COMPREPLY=()
                for ((i = 1; i < COMP_CWORD; i++)); do
                    if [[ -z $command ]]; then
                        [[ ${COMP_WORDS[i]} == -* ]] || command=${COMP_WORDS[i]}
                    elif [[ ${COMP_WORDS[i]} != -* && -z $(_xl_option_argument "$command" "${COMP_WORDS[i-1]}") ]]; then
                        place=$((place + 1))
                    fi
                done
                if [[ -z $command ]]; then
                    if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "-v -N -f -t -T" -- "$word")); else _xl_offer command "$word"; fi
                    return
                fi
                local kind=$(_xl_option_argument "$command" "$before")
                if [[ -n $kind ]]; then
                    _xl_offer $kind "$word"
                elif [[ $word == -* ]]; then
                    COMPREPLY=($(compgen -W "$(_xl_options "$command" | tr -d =)" -- "$word"))
                else
                    _xl_offer $(set -- $(_xl_argument "$command" "$place"); echo "${1:-other}") "$word" $(set -- $(_xl_argument "$command" "$place"); shift 2>/dev/null; echo "$*")
                fi
            }

            complete -F _xl xl

            """);
        return text.ToString();
    }

    private static string Zsh()
    {
        var text = new StringBuilder("#compdef xl\n# zsh completion of xl. As _xl in a folder of $fpath, or in ~/.zshrc:  source <(xl completion zsh)\n\n");
        AppendShared(text);
        text.Append("_xl_commands=(\n");
        foreach (var row in Rows)
            text.Append($"    '{row.Name}:{row.Summary.Replace("'", "'\\''", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal)}'\n");
        text.Append("""
            )

            _xl_offer() {
                local kind=$1; shift
                case $kind in
                domain) compadd -- ${(f)"$(_xl_names)"} ;;
                pool) compadd -- ${(f)"$(_xl_pools)"} ;;
                file) _files ;;
                command) _describe command _xl_commands ;;
                word) compadd -- "$@" ;;
                *) _default ;;
                esac
            }

            _xl() {
                local word=${words[CURRENT]} before=${words[CURRENT-1]} command= place=0 i
                for ((i = 2; i < CURRENT; i++)); do
                    if [[ -z $command ]]; then
                        [[ ${words[i]} == -* ]] || command=${words[i]}
                    elif [[ ${words[i]} != -* && -z $(_xl_option_argument "$command" "${words[i-1]}") ]]; then
                        place=$((place + 1))
                    fi
                done
                if [[ -z $command ]]; then
                    if [[ $word == -* ]]; then compadd -- -v -N -f -t -T; else _xl_offer command; fi
                    return
                fi
                local kind=$(_xl_option_argument "$command" "$before")
                if [[ -n $kind ]]; then
                    _xl_offer $kind
                elif [[ $word == -* ]]; then
                    compadd -- ${(s: :)$(_xl_options "$command" | tr -d =)}
                else
                    _xl_offer ${(s: :)$(_xl_argument "$command" "$place")}
                fi
            }

            if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _xl "$@"; else compdef _xl xl; fi

            """);
        return text.ToString();
    }

    private static string Fish()
    {
        var text = new StringBuilder("""
            # fish completion of xl. As ~/.config/fish/completions/xl.fish, or:  xl completion fish | source

            function __xl_names; env PV_START=no xl list 2>/dev/null | awk 'NR > 1 { print $1 }'; end
            function __xl_pools; env PV_START=no xl cpupool-list 2>/dev/null | awk 'NR > 1 { print $1 }'; end

            complete -c xl -f

            """);
        foreach (var row in Rows)
        {
            text.Append($"complete -c xl -n __fish_use_subcommand -a {row.Name} -d {Quote(row.Summary)}\n");
            var here = $"complete -c xl -n '__fish_seen_subcommand_from {row.Name}'";
            foreach (var option in row.Options)
            {
                var forms = (option.HasLetter ? $" -s {option.Letter}" : "") + (option.Long == null ? "" : $" -l {option.Long}");
                text.Append($"{here}{forms}{(option.Argument == null ? "" : " -r" + Source(ArgumentKinds.OfOption(option), []))} -d {Quote(option.Help)}\n");
            }
            foreach (var (kind, words) in ArgumentKinds.Of(row).Places.Where(place => place.Kind != ArgumentKind.Other))
                text.Append($"{here}{Source(kind, words)}\n");
        }
        return text.ToString();

        static string Quote(string words) => $"'{words.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";

        static string Source(ArgumentKind kind, string[] words) => kind switch
        {
            ArgumentKind.Domain => " -a '(__xl_names)'",
            ArgumentKind.Pool => " -a '(__xl_pools)'",
            ArgumentKind.File => " -F",
            ArgumentKind.Command => $" -a '{string.Join(' ', Rows.Select(row => row.Name))}'",
            ArgumentKind.Word => $" -a '{string.Join(' ', words)}'",
            _ => "",
        };
    }

    private static IEnumerable<string> Forms(OptionRow option)
    {
        if (option.HasLetter)
            yield return $"-{option.Letter}";
        if (option.Long != null)
            yield return $"--{option.Long}" + (option.Argument == null ? "" : "=");
    }

    private static string Name(ArgumentKind kind) => kind.ToString().ToLowerInvariant();
}
