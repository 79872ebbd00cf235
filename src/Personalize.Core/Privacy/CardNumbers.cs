namespace Personalize.Core.Privacy;

/// <summary>Finds card numbers: 13 to 19 digits, in groups with one space or hyphen between them or in one piece, that begin as an issuer's do and whose last digit is right (Luhn, ISO/IEC 7812-1 annex B).</summary>
internal static class CardNumbers
{
    private const int Shortest = 13;
    private const int Longest = 19;

    /// <summary>Start and length of each, in order, none overlapping.</summary>
    public static List<(int Start, int Length)> Find(ReadOnlySpan<char> text)
    {
        var found = new List<(int, int)>();
        for (var i = 0; i < text.Length;)
        {
            if (!char.IsAsciiDigit(text[i]))
            {
                i++;
                continue;
            }

            var begins = i == 0 || !(char.IsAsciiLetter(text[i - 1]) || text[i - 1] is '.' or '_');
            var length = begins ? Match(text[i..]) : 0;
            if (length > 0)
            {
                found.Add((i, length));
                i += length;
            }
            else
            {
                // The next group: a number does not begin in the middle of one.
                while (i < text.Length && char.IsAsciiDigit(text[i]))
                {
                    i++;
                }
            }
        }

        return found;
    }

    /// <summary>The longest card number that begins here and ends with a group; 0 where there is none.</summary>
    private static int Match(ReadOnlySpan<char> text)
    {
        Span<byte> digits = stackalloc byte[Longest];
        var (count, longest) = (0, 0);
        for (var i = 0; i < text.Length && char.IsAsciiDigit(text[i]) && count < Longest; i++)
        {
            digits[count++] = (byte)(text[i] - '0');
            var next = i + 1 < text.Length ? text[i + 1] : ' ';
            if (!char.IsAsciiDigit(next))
            {
                longest = !char.IsAsciiLetter(next) && IsCard(digits[..count]) ? i + 1 : longest;
                if (next is ' ' or '-')
                {
                    i++;
                }
            }
        }

        return longest;
    }

    private static bool IsCard(ReadOnlySpan<byte> digits)
    {
        if (digits.Length < Shortest || digits[0] is not (2 or 3 or 4 or 5 or 6) || (digits[0] == 2 && digits.Length != 16))
        {
            return false;
        }

        var sum = 0;
        for (var i = 0; i < digits.Length; i++)
        {
            var doubled = digits[^(i + 1)] << (i & 1);
            sum += doubled > 9 ? doubled - 9 : doubled;
        }

        return sum % 10 == 0;
    }
}
