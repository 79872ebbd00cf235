using System.Globalization;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Privacy;
using Personalize.Core.Profiles;
using Personalize.Core.Tests.Adapters;

namespace Personalize.Core.Tests.Faults;

/// <summary>
/// Works on a profile until it is killed, and says of each step what it is about to do (a small letter) and that it is acknowledged (a capital): append, erase, rotate, write a conversation, add, promote, roll back and drop adapters. Texts are made of the row's number, so that what was stored
/// can be checked by anyone.
/// </summary>
internal static class StoreWorker
{
    public const string Source = "app";

    private const int MostRows = 40;
    private const int MostAdapters = 5;

    public static string TextOf(long serial) => string.Create(CultureInfo.InvariantCulture, $"text {serial} {new string((char)('a' + (serial % 26)), (int)(serial * 37 % 3000))}");

    /// <summary>The adapter that is kept under an id.</summary>
    public static LoraAdapter AdapterOf(string id) => AdapterSamples.Create(int.Parse(id.AsSpan(0, 6), NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    public static int Run(string path, int seed)
    {
        var random = new Random(seed);
        try
        {
            // Every few rows, so that it is killed there too.
            using var profile = Profile.Open(path, new ProfileOptions { FewestWaitingRows = 8 });
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
        switch (random.Next(26))
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
            case 5 or 6:
                var id = AdapterRegistry.NewId();
                Say("d " + id);
                profile.Adapters.Add(AdapterOf(id), new AdapterProvenance(), id: id);
                Say("D");
                break;
            case 7 or 8 or 9 or 10 when profile.Adapters.List() is { Count: > 0 } adapters:
                var chosen = adapters[random.Next(adapters.Count)].Id;
                Say("p " + chosen);
                Say("P " + profile.Adapters.Promote(chosen).Id);
                break;
            case 11:
                Say("b");
                Say("B " + (profile.Adapters.Rollback()?.Id ?? "-"));
                break;
            case 12 when profile.Adapters.List().Count > MostAdapters:
                Say("k");
                Say(string.Join(' ', ["K", .. profile.Adapters.KeepLatest(MostAdapters)]));
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
