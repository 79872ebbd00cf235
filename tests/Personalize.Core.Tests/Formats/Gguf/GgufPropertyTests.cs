using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Formats.Gguf;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Formats.Gguf;

public sealed class GgufPropertyTests
{
    private static readonly byte[] Valid = File.ReadAllBytes(SharedFiles.Fixture("formats/all-types.gguf"));

    [Fact]
    public void Cut_and_flipped_files_open_or_are_refused()
    {
        using var folder = new TemporaryFolder();
        var damage =
            from flips in Gen.Zip(Gen.Choose(0, Valid.Length - 1), Gen.Choose(0, 255)).ListOf()
            from length in Gen.Frequency((3, Gen.Constant(Valid.Length)), (1, Gen.Choose(0, Valid.Length)))
            select (Flips: flips.ToArray(), Length: length);

        Prop.ForAll(damage.ToArbitrary(), d =>
        {
            var bytes = Valid[..d.Length];
            foreach (var (at, value) in d.Flips.Where(flip => flip.Item1 < d.Length))
            {
                bytes[at] = (byte)value;
            }

            // Any exception but the typed one fails the property.
            OpeningCost.Open(folder.Write("damaged.gguf", bytes), ReadEverything);
        }).QuickCheckThrowOnFailure();
    }

    private static GgufFile ReadEverything(string path)
    {
        var file = GgufFile.Open(path);
        foreach (var key in file.Metadata.Keys)
        {
            file.Metadata.TryGetString(key, out _);
            file.Metadata.TryGetStrings(key, out _);
            file.Metadata.TryGetInt32s(key, out _);
            file.Metadata.TryGetSingles(key, out _);
            file.Metadata.TryGetUInt32(key, out _);
        }

        foreach (var tensor in file.Tensors.Where(tensor => Core.Quantization.BlockFormat.Of(tensor.Type).IsSupported))
        {
            file.ReadSingles(tensor);
        }

        Assert.Equal(64, file.Fingerprint.Length);
        return file;
    }
}
