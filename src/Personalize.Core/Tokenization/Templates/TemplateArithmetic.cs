namespace Personalize.Core.Tokenization.Templates;

/// <summary>Arithmetic as of Python, with integers of 64 bits.</summary>
internal static class TemplateArithmetic
{
    /// <summary>The number that a value is; booleans count as 0 and 1.</summary>
    public static bool TryGetNumber(TemplateValue value, out double number)
    {
        number = value switch
        {
            IntegerValue integer => integer.Value,
            FloatValue real => real.Value,
            BooleanValue boolean => boolean.Value ? 1 : 0,
            _ => double.NaN,
        };
        return value is IntegerValue or FloatValue or BooleanValue;
    }

    public static TemplateValue Apply(RenderContext context, string symbol, TemplateValue left, TemplateValue right)
    {
        if (left is IntegerValue a && right is IntegerValue b && symbol != "/" && (symbol != "**" || b.Value >= 0))
        {
            try
            {
                return new IntegerValue(ApplyToIntegers(context, symbol, a.Value, b.Value));
            }
            catch (OverflowException)
            {
                throw context.Fail("an integer leaves the range of 64 bits");
            }
        }

        if (!TryGetNumber(left, out var x) || !TryGetNumber(right, out var y))
        {
            throw context.Fail($"{symbol} does not go with {left.Kind} and {right.Kind}");
        }

        if (y == 0 && symbol is "/" or "//" or "%")
        {
            throw context.Fail("division by zero");
        }

        return new FloatValue(symbol switch
        {
            "+" => x + y,
            "-" => x - y,
            "*" => x * y,
            "/" => x / y,
            "//" => Math.Floor(x / y),
            "%" => x - (y * Math.Floor(x / y)),
            _ => Math.Pow(x, y),
        });
    }

    private static long ApplyToIntegers(RenderContext context, string symbol, long x, long y)
    {
        if (y == 0 && symbol is "//" or "%")
        {
            throw context.Fail("division by zero");
        }

        return symbol switch
        {
            "+" => checked(x + y),
            "-" => checked(x - y),
            "*" => checked(x * y),
            "//" => FloorDivide(x, y),

            // The sign of the divisor, as in Python. Dividing by -1 leaves nothing, and -2^63 % -1 would overflow.
            "%" => y == -1 ? 0 : x % y is var rest && rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest,
            _ => Power(x, y),
        };
    }

    private static long FloorDivide(long x, long y)
    {
        var quotient = checked(x / y);
        return quotient * y != x && (x < 0) != (y < 0) ? quotient - 1 : quotient;
    }

    private static long Power(long x, long exponent)
    {
        if (x is 0 or 1 or -1)
        {
            return exponent == 0 ? 1 : x == -1 && long.IsEvenInteger(exponent) ? 1 : x;
        }

        var result = 1L;
        for (var i = 0L; i < exponent; i++)
        {
            // Overflows, and so ends, after at most 63 rounds.
            result = checked(result * x);
        }

        return result;
    }
}
