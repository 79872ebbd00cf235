namespace Personalize.Core.Interactions;

/// <summary>Splits a stream at line feeds with a bound on memory: of a line over the limit only the fact is kept. A byte order mark at the start and carriage returns at the ends are dropped.</summary>
internal sealed class JsonLineSplitter(Stream stream, int maximumLineBytes)
{
    private byte[] _buffer = new byte[64 << 10];
    private int _start;
    private int _end;
    private bool _atEndOfStream;
    private bool _atBeginning = true;

    /// <summary>The next line, valid until the next call; false at the end. A line over the limit comes as empty with <paramref name="tooLong"/> set.</summary>
    public bool TryRead(out ReadOnlyMemory<byte> line, out bool tooLong)
    {
        tooLong = false;
        var searched = 0;
        while (true)
        {
            var found = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (found >= 0 || _atEndOfStream)
            {
                var length = found >= 0 ? searched + found : _end - _start;
                line = tooLong ? ReadOnlyMemory<byte>.Empty : Trim(_buffer.AsMemory(_start, length));
                var any = found >= 0 || length > 0 || tooLong;
                tooLong |= length > maximumLineBytes;
                _start += length + (found >= 0 ? 1 : 0);
                line = tooLong ? ReadOnlyMemory<byte>.Empty : line;
                return any;
            }

            searched = _end - _start;
            if (searched > maximumLineBytes)
            {
                tooLong = true;
                _start = _end;
                searched = 0;
            }

            Fill();
        }
    }

    private void Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var count = stream.Read(_buffer.AsSpan(_end));
        _end += count;
        _atEndOfStream = count == 0;
    }

    private ReadOnlyMemory<byte> Trim(ReadOnlyMemory<byte> line)
    {
        if (_atBeginning)
        {
            _atBeginning = false;
            if (line.Span.StartsWith("\uFEFF"u8))
            {
                line = line[3..];
            }
        }

        return line.Span.EndsWith("\r"u8) ? line[..^1] : line;
    }
}
