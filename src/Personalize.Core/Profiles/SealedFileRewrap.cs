using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Profiles;

/// <summary>Seals the files of a profile anew under the key that seals now: whatever begins as a sealed file, wherever it lies in the folder.</summary>
internal static class SealedFileRewrap
{
    /// <summary>Each file is replaced in one step; those that are under that key already are passed over, so that what was cut short goes on.</summary>
    /// <exception cref="StoreIntegrityException">A file was changed; it is named, and nothing is lost by trying again once it is removed or restored.</exception>
    public static void Run(string directory, ProfileVault vault)
    {
        foreach (var path in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Where(MayBeSealed).Order(StringComparer.Ordinal))
        {
            var (isSealed, header) = SealedFile.Peek(path);
            if (!isSealed || header?.KeyId.AsSpan().SequenceEqual(vault.Ring.PrimaryId) == true)
            {
                continue;
            }

            var (purpose, context) = header is null ? PlaceOfVersion1(Path.GetRelativePath(directory, path).Replace('\\', '/'), path) : (header.Purpose, header.Context);
            if (!Enum.IsDefined(purpose))
            {
                throw new StoreIntegrityException(StoreIntegrityError.NotAuthentic, path, SealedBox.Describe(StoreIntegrityError.NotAuthentic));
            }

            using var box = vault.CreateBox(purpose);
            using var content = SealedFile.OpenRead(path, box, context);
            SealedFile.Write(path, box, context, content.CopyTo);
        }
    }

    // The database has its own way; locks hold nothing.
    private static bool MayBeSealed(string path)
        => !path.EndsWith(".lock", StringComparison.Ordinal) && !path.EndsWith(DurableFile.TemporaryExtension, StringComparison.Ordinal) && !Path.GetFileName(path).StartsWith("interactions.db", StringComparison.Ordinal);

    /// <summary>Files of version 1 do not say where they belong; these are all that there were.</summary>
    private static (KeyPurpose Purpose, SealContext Context) PlaceOfVersion1(string relative, string path)
    {
        var name = Path.GetFileNameWithoutExtension(path);
        return relative switch
        {
            "adapters/registry.state" => (KeyPurpose.Adapters, new SealContext("adapters", "registry", "state", 1)),
            "checkpoints/agent.history" => (KeyPurpose.Checkpoints, new SealContext("agent", "history", "entries", 1)),
            "privacy.ledger" => (KeyPurpose.PrivacyLedger, new SealContext("privacy", "ledger", "jobs", 1)),
            _ when relative.StartsWith("adapters/", StringComparison.Ordinal) && relative.EndsWith(SealedAdapterFile.Extension, StringComparison.Ordinal) => (KeyPurpose.Adapters, SealedAdapterFile.ContextOf(name)),
            _ when relative.StartsWith("conversations/", StringComparison.Ordinal) => (KeyPurpose.Conversations, ConversationArchive.ContextOf(name)),
            _ when relative.StartsWith("checkpoints/", StringComparison.Ordinal) => (KeyPurpose.Checkpoints, CheckpointFolder.ContextOf(Path.GetFileName(path))),
            _ => throw new StoreIntegrityException(StoreIntegrityError.Malformed, path, "is a sealed file that does not belong here: remove it"),
        };
    }
}
