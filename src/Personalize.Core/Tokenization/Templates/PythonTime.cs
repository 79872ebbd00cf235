using System.Globalization;
using System.Text;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>Dates and times as of Python's <c>strftime</c> in the C locale.</summary>
internal static class PythonTime
{
    public static string Format(RenderContext context, string format)
    {
        var now = context.TimeProvider.GetLocalNow();
        var result = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                result.Append(format[i]);
                continue;
            }

            i++;
            result.Append(format[i] switch
            {
                '%' => "%",
                'a' => Write(now, "ddd"),
                'A' => Write(now, "dddd"),
                'b' => Write(now, "MMM"),
                'B' => Write(now, "MMMM"),
                'd' => Write(now, "dd"),
                'F' => Write(now, "yyyy-MM-dd"),
                'H' => Write(now, "HH"),
                'I' => Write(now, "hh"),
                'j' => now.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
                'm' => Write(now, "MM"),
                'M' => Write(now, "mm"),
                'p' => now.Hour < 12 ? "AM" : "PM",
                'S' => Write(now, "ss"),
                'T' => Write(now, "HH:mm:ss"),
                'y' => Write(now, "yy"),
                'Y' => Write(now, "yyyy"),
                _ => throw context.Fail("strftime_now is asked for a field that is not supported"),
            });
        }

        return result.ToString();
    }

    private static string Write(DateTimeOffset time, string format) => time.ToString(format, CultureInfo.InvariantCulture);
}
