namespace Personalize.Cli.Hosting;

/// <summary>Examples of each command, without the program's name.</summary>
internal static class CommandExamples
{
    private static readonly Dictionary<string, string[]> Examples = new(StringComparer.Ordinal)
    {
        [""] = ["demo", "import history.jsonl", "train --now", "chat"],
        ["demo"] = ["demo", "demo --keep my-demo", "demo --interactions history.jsonl --model smollm2-135m"],
        ["record"] = ["record --context \"Dinner on Friday?\" --text \"gladly, at eight\""],
        ["import"] = ["import history.jsonl", "import mail.jsonl --source mail --strict"],
        ["train"] = ["train --now", "train --now --resume", "train --now --epsilon 8"],
        ["evaluate"] = ["evaluate --interactions history.jsonl --rows 330..429", "evaluate --interactions history.jsonl --adapter none --json"],
        ["generate"] = ["generate --chat \"Dinner on Friday?\"", "generate --prompt \"Once upon a time\" --max-tokens 64 --temperature 0.8 --seed 1"],
        ["chat"] = ["chat", "chat --model smollm2-135m --adapter none", "chat --data my-demo"],
        ["logits"] = ["logits --ids 1,2,3 --out logits.bin"],
        ["perplexity"] = ["perplexity --file book.txt --window 512 --windows 16", "perplexity --file book.txt --sinks 4 --cache 1024"],
        ["tokenize"] = ["tokenize --text \"hello\"", "tokenize --file book.txt --json"],
        ["adapters"] = ["adapters list", "adapters rollback"],
        ["adapters list"] = ["adapters list", "adapters list --json"],
        ["adapters show"] = ["adapters show 3f2a"],
        ["adapters promote"] = ["adapters promote 3f2a"],
        ["adapters rollback"] = ["adapters rollback"],
        ["adapters remove"] = ["adapters remove 3f2a"],
        ["adapters diff"] = ["adapters diff 3f2a 91bc"],
        ["adapters export"] = ["adapters export 3f2a my-adapter --format peft", "adapters export 3f2a my-adapter.gguf --format gguf"],
        ["adapters import"] = ["adapters import my-adapter --model smollm2-135m"],
        ["adapters merge"] = ["adapters merge 3f2a mine.gguf"],
        ["store"] = ["store status", "store verify"],
        ["store status"] = ["store status", "store status --json"],
        ["store verify"] = ["store verify"],
        ["store export"] = ["store export everything.jsonl"],
        ["store erase"] = ["store erase --id 12", "store erase --all"],
        ["store consent"] = ["store consent mail --give", "store consent mail --withdraw"],
        ["store budget"] = ["store budget --epsilon 8 --delta 1e-5"],
        ["models"] = ["models list", "models pull smollm2-135m"],
        ["models list"] = ["models list", "models list --json"],
        ["models pull"] = ["models pull smollm2-135m", "models pull qwen2.5-0.5b --to /data/models"],
        ["models inspect"] = ["models inspect model.gguf"],
        ["store mend"] = ["store mend"],
        ["store passphrase"] = ["store passphrase"],
        ["store retain"] = ["store retain --days 365", "store retain --count 10000"],
        ["store rotate-key"] = ["store rotate-key"],
        ["models pretrain"] = ["models pretrain models/errands.recipe.json errands.gguf"],
        ["models quantize"] = ["models quantize model.gguf smaller.gguf --type Q4_1"],
        ["models score"] = ["models score models/errands.recipe.json dialogues.txt --model model.gguf"],
        ["agent"] = ["agent status", "agent run --once"],
        ["agent run"] = ["agent run", "agent run --once"],
        ["agent status"] = ["agent status", "agent status --json"],
        ["agent install"] = ["agent install --print"],
        ["bench"] = ["bench inference", "bench training"],
        ["bench inference"] = ["bench inference --model smollm2-135m", "bench inference --json"],
        ["bench store"] = ["bench store", "bench store --json"],
        ["bench training"] = ["bench training --model smollm2-135m", "bench training --interactions history.jsonl"],
        ["doctor"] = ["doctor", "doctor --data my-demo"],
        ["completions"] = ["completions bash > ~/.local/share/bash-completion/completions/personalize"],
        ["completions bash"] = ["completions bash > ~/.local/share/bash-completion/completions/personalize"],
        ["completions zsh"] = ["completions zsh > ~/.zfunc/_personalize"],
        ["completions fish"] = ["completions fish > ~/.config/fish/completions/personalize.fish"],
        ["completions pwsh"] = ["completions pwsh >> $PROFILE"],
    };

    /// <summary>The examples of a command.</summary>
    /// <param name="path">Its path, like <c>store erase</c>; empty for the root.</param>
    public static IReadOnlyList<string> Of(string path) => Examples.TryGetValue(path, out var examples) ? examples : [];
}
