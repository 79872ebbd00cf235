using System.Text;

namespace Personalize.Cli.Presentation;

/// <summary>Writes completion scripts. They hold the whole tree, so that a press of Tab starts no program; where a value is expected, files are offered.</summary>
internal static class CompletionScripts
{
    public static string Bash(IReadOnlyList<CompletionEntry> entries) =>
        $$"""
        # Completion of personalize for bash.
        _personalize_words() {
          case "$1" in
        {{Cases(entries)}}
          esac
        }
        _personalize() {
          local current="${COMP_WORDS[COMP_CWORD]}" path="" word
          for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
            [[ " $(_personalize_words "$path") " == *" $word "* && "$word" != -* ]] && path="${path:+$path }$word"
          done
          COMPREPLY=($(compgen -W "$(_personalize_words "$path")" -- "$current"))
        }
        complete -o default -F _personalize personalize

        """;

    public static string Zsh(IReadOnlyList<CompletionEntry> entries) =>
        $$"""
        #compdef personalize
        # Completion of personalize for zsh.
        _personalize_words() {
          case "$1" in
        {{Cases(entries)}}
          esac
        }
        _personalize() {
          local place="" word
          for word in "${(@)words[2,CURRENT-1]}"; do
            [[ " $(_personalize_words "$place") " == *" $word "* && "$word" != -* ]] && place="${place:+$place }$word"
          done
          compadd -- ${=$(_personalize_words "$place")} || _files
        }
        compdef _personalize personalize

        """;

    public static string Fish(IReadOnlyList<CompletionEntry> entries)
    {
        var script = new StringBuilder(
            """
            # Completion of personalize for fish.
            function __personalize_at
                set -l place
                for word in (commandline -opc)[2..-1]
                    string match -q -- '-*' $word; or set -a place $word
                end
                test "$place" = "$argv"; or string match -q -- "$argv *" "$place"
            end

            """);
        foreach (var entry in entries)
        {
            var condition = entry.Path.Length == 0 ? "" : $" -n '__personalize_at {entry.Path}'";
            var root = entry.Path.Length == 0 ? " -n __fish_use_subcommand" : condition;
            foreach (var command in entry.Commands)
            {
                script.Append($"complete -c personalize -f{root} -a {command}\n");
            }

            foreach (var option in entry.Options.Where(option => option.StartsWith("--", StringComparison.Ordinal)))
            {
                script.Append($"complete -c personalize{condition} -l {option[2..]}\n");
            }
        }

        return script.ToString();
    }

    public static string PowerShell(IReadOnlyList<CompletionEntry> entries) =>
        $$"""
        # Completion of personalize for PowerShell.
        Register-ArgumentCompleter -Native -CommandName personalize -ScriptBlock {
            param($wordToComplete, $commandAst, $cursorPosition)
            $tree = @{
        {{string.Join('\n', entries.Select(entry => $"        '{entry.Path}' = '{entry.Words}'"))}}
            }
            $place = ''
            foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
                $next = "$place $element".Trim()
                if ($tree.ContainsKey($next)) { $place = $next }
            }
            $tree[$place] -split ' ' | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
        }

        """;

    private static string Cases(IReadOnlyList<CompletionEntry> entries) =>
        string.Join('\n', entries.Select(entry => $"    \"{entry.Path}\") echo \"{entry.Words}\" ;;"));
}
