using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Formats.Safetensors;

namespace Personalize.Core.Tests.Formats.Safetensors;

public sealed class SafetensorsPropertyTests
{
    [Fact]
    public void Cut_and_flipped_files_open_or_are_refused()
    {
        using var folder = new TemporaryFolder();
        var valid = Build();
        var damage =
            from flips in Gen.Zip(Gen.Choose(0, valid.Length - 1), Gen.Choose(0, 255)).ListOf()
            from length in Gen.Frequency((3, Gen.Constant(valid.Length)), (1, Gen.Choose(0, valid.Length)))
            select (Flips: flips.ToArray(), Length: length);

        Prop.ForAll(damage.ToArbitrary(), d =>
        {
            var bytes = valid[..d.Length];
            foreach (var (at, value) in d.Flips.Where(flip => flip.Item1 < d.Length))
            {
                bytes[at] = (byte)value;
            }

            // Any exception but the typed one fails the property.
            OpeningCost.Open(folder.Write("damaged.safetensors", bytes), ReadEverything);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Texts_of_json_characters_open_or_are_refused()
    {
        using var folder = new TemporaryFolder();
        string[] pieces = ["{", "}", "[", "]", ",", ":", "\"t\"", "\"__metadata__\"", "\"dtype\"", "\"shape\"", "\"data_offsets\"", "\"F32\"", "0", "4", "-1", "1e9", "null", "\"\\ud800\"", " "];
        var headers = Gen.Elements(pieces).ListOf().Select(list => "{" + string.Concat(list));

        Prop.ForAll(headers.ToArbitrary(), header =>
        {
            OpeningCost.Open(folder.Write("text.safetensors", SafetensorsBytes.Build(header, 4).Bytes), ReadEverything);
        }).QuickCheckThrowOnFailure();
    }

    private static byte[] Build()
    {
        var writer = new SafetensorsWriter();
        writer.AddMetadata("format", "pt");
        writer.AddTensor("a", SafetensorsType.F32, [2, 3], new float[6]);
        writer.AddTensor("b", SafetensorsType.BF16, [4], new float[4]);
        using var stream = new MemoryStream();
        writer.Write(stream);
        return stream.ToArray();
    }

    private static SafetensorsFile ReadEverything(string path)
    {
        var file = SafetensorsFile.Open(path);
        foreach (var tensor in file.Tensors)
        {
            if (tensor.Type is SafetensorsType.F32 or SafetensorsType.F16 or SafetensorsType.BF16)
            {
                Assert.Equal(tensor.ElementCount, file.ReadSingles(tensor.Name).Length);
            }
            else
            {
                Assert.Equal(tensor.ByteLength, file.GetData(tensor).Length);
            }
        }

        return file;
    }
}
