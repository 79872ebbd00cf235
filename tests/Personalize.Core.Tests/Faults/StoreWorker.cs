using System.Globalization;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Privacy;
using Personalize.Core.Profiles;

namespace Personalize.Core.Tests.Faults;

/// <summary>
/// Works on a profile until it is killed, and says of each step what it is about to do (a small letter) and that it is acknowledged (a capital): append, erase, rotate, write a conversation. Texts are made of the row's number, so that what was stored
/// can be checked by anyone.
/// </summary>
internal static class StoreWorker
{
    public const string Source = "app";

    private const int MostRows = 40;

    public static string TextOf(long serial) => string.Create(CultureInfo.InvariantCulture, $"text {serial} {new string((char)('a' + (serial % 26)), (int)(serial * 37 % 3000))}");

    public static int Run(string path, int seed)
    {
        var random = new Random(seed);
        try
        {
            using var profile = Profile.Open(path);
            profile.Interactions.Consent.Give(Source);
            Say("O");
            while (true)
            {
                Step(profile, random);
            }
        }
        catch (PersonalizeException exception)
        {
            // What a full disk comes to: said, and everything acknowledged is there.
            Say("X " + exception.GetType().Name + " " + exception.Message.ReplaceLineEndings(" "));
            return exception is ProfileAccessException ? 0 : 1;
        }
    }

    private static void Step(Profile profile, Random random)
    {
        var store = profile.Interactions;
        switch (random.Next(20))
        {
            case 0:
                Say("r");
                profile.RotateKey();
                Say("R");
                break;
            case 1 or 2 or 3 when store.Count > MostRows:
                var ids = store.FindExpired(new RetentionPolicy { MaximumCount = random.Next(MostRows) });
                Say("e " + string.Join(' ', ids));
                store.EraseMany(ids);
                Say("E");
                break;
            case 4:
                Say("c");
                profile.Conversations.Write("one", stream => stream.Write(new byte[random.Next(5000)]));
                Say("C");
                break;
            default:
                var count = random.Next(1, 6);
                var first = store.GetStatus().Interactions == 0 ? random.Next(1 << 20) : random.NextInt64(1L << 40);
                Say(string.Create(CultureInfo.InvariantCulture, $"a {first} {count}"));
                var given = store.AppendMany(Enumerable.Range(0, count).Select(i => new Interaction(0, $"{first + i}", DateTimeOffset.UnixEpoch.AddSeconds(random.Next()), Source, $"{first + i}", TextOf(first + i))));
                Say("A " + string.Join(' ', given));
                break;
        }
    }

    private static void Say(string line)
    {
        Console.Out.Write(line + "\n");
        Console.Out.Flush();
    }
}
