using System.Runtime.InteropServices;
using Microsoft.Extensions.AI;
using Personalize.Core.Tokenization;

namespace Personalize.Inference.Chat;

/// <summary>What a conversation looked like when the client last answered in it: its rendered text, and the tokens that stand for that text, those of the answers as the model generated them. Immutable.</summary>
/// <remarks>
/// Encoding an answer's text can give other tokens than the model chose, and then nothing behind it could be reused. So the tokens are kept, and used again for exactly as long as a new prompt begins with
/// the same characters of the same provenance: a person who writes the marks of a turn does not thereby get the tokens of one. The names of roles are left out of that comparison: a template takes the name of the answer's
/// role from itself when it asks for the answer, and from the message when the answer comes back.
/// </remarks>
internal sealed class Transcript
{
    private static readonly string[] Roles = [ChatRole.System.Value, ChatRole.User.Value, ChatRole.Assistant.Value];

    private readonly RenderedPrompt _text;
    private readonly TextRange[] _contents;
    private readonly int[] _ids;

    // Where an answer ends, in characters and in tokens, oldest first.
    private readonly End[] _ends;

    private Transcript(RenderedPrompt text, int[] ids, End[] ends)
    {
        _text = text;
        _contents = Contents(text);
        _ids = ids;
        _ends = ends;
    }

    /// <summary>All of its tokens, the last answer's included.</summary>
    public ReadOnlySpan<int> Ids => _ids;

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <exception cref="EndOfStreamException">It ends before.</exception>
    /// <exception cref="FormatException">A number is out of range.</exception>
    public static Transcript Read(BinaryReader reader)
    {
        var text = reader.ReadString();
        var ranges = ReadMany(reader, source => new TextRange(source.ReadInt32(), source.ReadInt32()), range => range.Start >= 0 && range.Length >= 0 && range.Length <= text.Length - range.Start);
        var ids = ReadMany(reader, source => source.ReadInt32(), id => id >= 0);
        var ends = ReadMany(reader, source => new End(source.ReadInt32(), source.ReadInt32()), end => (uint)end.Characters <= (uint)text.Length && (uint)end.Tokens <= (uint)ids.Length);
        return new Transcript(new RenderedPrompt(text, ranges), ids, ends);
    }

    /// <summary>Writes the text, the ranges that people or the model wrote, the tokens and the ends of the answers.</summary>
    public void Write(BinaryWriter writer)
    {
        writer.Write(_text.Text);
        WriteMany(writer, _text.UntrustedRanges, range => (range.Start, range.Length));
        writer.Write(_ids.Length);
        foreach (var id in _ids)
        {
            writer.Write(id);
        }

        WriteMany(writer, _ends, end => (end.Characters, end.Tokens));
    }

    /// <summary>The conversation up to one of its answers.</summary>
    /// <param name="answers">How many answers are left.</param>
    /// <returns>Null where none is.</returns>
    public Transcript? CutTo(int answers)
    {
        if (answers == 0 || answers == Count)
        {
            return answers == 0 ? null : this;
        }

        var end = _ends[answers - 1];
        var text = new RenderedPrompt(_text.Text[..end.Characters], _text.UntrustedRanges.Where(range => range.End <= end.Characters));
        return new Transcript(text, _ids[..end.Tokens], _ends[..answers]);
    }

    /// <summary>Whether nothing that anyone wrote in a prompt stands behind the last answer.</summary>
    /// <param name="prompt">A prompt that repeats all answers.</param>
    public bool Covers(RenderedPrompt prompt) => Array.TrueForAll(Contents(prompt), range => range.End <= _ends[^1].Characters);

    /// <summary>How many answers it has.</summary>
    public int Count => _ends.Length;

    /// <summary>The ranges of a prompt that people or the model wrote, but for the names of roles.</summary>
    public static TextRange[] Contents(RenderedPrompt prompt) =>
        [.. prompt.UntrustedRanges.Where(range => !Array.Exists(Roles, role => prompt.Text.AsSpan(range.Start, range.Length).SequenceEqual(role)))];

    /// <summary>How many answers a prompt repeats from the beginning.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="contents">Its <see cref="Contents"/>.</param>
    public int Match(RenderedPrompt prompt, ReadOnlySpan<TextRange> contents)
    {
        var length = CommonLength(prompt, contents);
        var count = 0;
        while (count < _ends.Length && _ends[count].Characters <= length)
        {
            count++;
        }

        return count;
    }

    /// <summary>Encodes a prompt, with the tokens at hand for the answers that it repeats.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="answers">What <see cref="Match"/> says of it.</param>
    /// <param name="tokenizer">Encodes the rest.</param>
    public int[] Encode(RenderedPrompt prompt, int answers, ITokenizer tokenizer)
    {
        if (answers == 0)
        {
            return tokenizer.Encode(prompt);
        }

        var end = _ends[answers - 1];
        return [.. _ids.AsSpan(0, end.Tokens), .. tokenizer.Encode(prompt.From(end.Characters))];
    }

    /// <summary>The conversation after one more answer.</summary>
    /// <param name="before">What the prompt was encoded with, or null.</param>
    /// <param name="answers">How many of its answers were used.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="promptIds">Its tokens.</param>
    /// <param name="answer">The answer's text.</param>
    /// <param name="answerIds">The tokens that stand for it, without what ends the turn.</param>
    public static Transcript Extend(Transcript? before, int answers, RenderedPrompt prompt, int[] promptIds, string answer, ReadOnlySpan<int> answerIds)
    {
        var ranges = prompt.UntrustedRanges;
        var text = new RenderedPrompt(prompt.Text + answer, answer.Length == 0 ? ranges : [.. ranges, new TextRange(prompt.Text.Length, answer.Length)]);
        var ends = before is null ? [] : before._ends.AsSpan(0, answers);
        return new Transcript(text, [.. promptIds, .. answerIds], [.. ends, new End(text.Text.Length, promptIds.Length + answerIds.Length)]);
    }

    private int CommonLength(RenderedPrompt prompt, ReadOnlySpan<TextRange> others)
    {
        var length = _text.Text.AsSpan().CommonPrefixLength(prompt.Text);
        var mine = _contents;
        for (var i = 0; i < mine.Length || i < others.Length; i++)
        {
            // Past the ranges that are the same, provenance agrees up to where the first of the two ends or begins.
            var left = i < mine.Length ? mine[i] : new TextRange(int.MaxValue, 0);
            var right = i < others.Length ? others[i] : new TextRange(int.MaxValue, 0);
            if (left != right)
            {
                return Math.Min(length, left.Start != right.Start ? Math.Min(left.Start, right.Start) : Math.Min(left.End, right.End));
            }
        }

        return length;
    }

    private static void WriteMany<T>(BinaryWriter writer, IReadOnlyCollection<T> items, Func<T, (int, int)> numbers)
    {
        writer.Write(items.Count);
        foreach (var item in items)
        {
            var (first, second) = numbers(item);
            writer.Write(first);
            writer.Write(second);
        }
    }

    private static T[] ReadMany<T>(BinaryReader reader, Func<BinaryReader, T> read, Func<T, bool> isValid)
    {
        var items = new List<T>();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            var item = read(reader);
            items.Add(isValid(item) ? item : throw new FormatException("a number of the transcript is out of range"));
        }

        return [.. items];
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct End(int Characters, int Tokens);
}
