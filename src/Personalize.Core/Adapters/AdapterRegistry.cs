using System.Security.Cryptography;
using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Adapters;

/// <summary>
/// The adapters of a profile, sealed: file names are random, everything else is inside. An adapter's file never changes once it is there; which one is in use stands in one small file that is replaced by a rename,
/// so a kill at any moment leaves the adapter that was in use before or the one after. Safe to share between threads; owned by its profile.
/// </summary>
public sealed partial class AdapterRegistry : IDisposable
{
    private const string StateFile = "registry.state";
    private const int IdLength = 16;

    private readonly Lock _gate = new();
    private readonly string _directory;
    private readonly SealedBox _box;
    private readonly TimeProvider _time;
    private readonly bool _writer;

    internal AdapterRegistry(string directory, SealedBox box, TimeProvider time, bool writer)
        => (_directory, _box, _time, _writer) = (directory, box, time, writer);

    /// <summary>Every change of the adapter in use, oldest first.</summary>
    /// <exception cref="StoreIntegrityException">The state was changed by somebody else.</exception>
    public IReadOnlyList<PromotionEvent> History => ReadState().History;

    private string StatePath => Path.Combine(_directory, StateFile);

    /// <summary>Draws an id for an adapter that is yet to be made.</summary>
    /// <returns>16 random hexadecimal digits.</returns>
    public static string NewId() => RandomNumberGenerator.GetHexString(IdLength, lowercase: true);

    /// <summary>Whether an adapter is kept, be its file whole or damaged.</summary>
    /// <param name="id">Its whole id.</param>
    /// <returns>False also for what is no id.</returns>
    public bool Contains(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return IsId(id) && File.Exists(PathOf(id));
    }

    /// <summary>All adapters, oldest first.</summary>
    /// <returns>Their records; no weights are read.</returns>
    /// <exception cref="StoreIntegrityException">An adapter's file was changed; it is named, and can be removed.</exception>
    /// <exception cref="ProfileAccessException">The folder cannot be read.</exception>
    public IReadOnlyList<AdapterRecord> List()
    {
        lock (_gate)
        {
            var state = ReadState();
            return [.. Ids().Select(id => ReadRecord(id, state)).OrderBy(record => record.Created).ThenBy(record => record.Id, StringComparer.Ordinal)];
        }
    }

    /// <summary>The adapter in use.</summary>
    /// <returns>Its record, or null where the base is used alone.</returns>
    /// <exception cref="StoreIntegrityException">The state or the adapter's file was changed, or the file is gone.</exception>
    public AdapterRecord? GetPromoted()
    {
        lock (_gate)
        {
            var state = ReadState();
            if (state.Promoted is null)
            {
                return null;
            }

            return File.Exists(PathOf(state.Promoted))
                ? ReadRecord(state.Promoted, state)
                : throw new StoreIntegrityException(StoreIntegrityError.FileMissing, PathOf(state.Promoted), "the adapter in use is gone: roll back, or promote another one", "adapter", state.Promoted);
        }
    }

    /// <summary>One adapter.</summary>
    /// <param name="id">Its id, or a beginning of it that no other adapter has.</param>
    /// <returns>Its record.</returns>
    /// <exception cref="AdapterRegistryException">There is none, or more than one.</exception>
    /// <exception cref="StoreIntegrityException">Its file was changed.</exception>
    public AdapterRecord Get(string id)
    {
        lock (_gate)
        {
            return ReadRecord(Resolve(id), ReadState());
        }
    }

    /// <summary>Reads an adapter with its weights.</summary>
    /// <param name="id">Its id, or a beginning of it that no other adapter has.</param>
    /// <returns>The adapter, owned by the caller.</returns>
    /// <exception cref="AdapterRegistryException">There is none, or more than one.</exception>
    /// <exception cref="StoreIntegrityException">Its file was changed.</exception>
    public LoraAdapter Load(string id)
    {
        lock (_gate)
        {
            var whole = Resolve(id);
            return SealedAdapterFile.Read(PathOf(whole), _box, whole);
        }
    }

    /// <summary>Keeps an adapter; when this returns it is durable. It is not in use until it is promoted.</summary>
    /// <param name="adapter">The adapter; all its pairs have the configuration's rank.</param>
    /// <param name="provenance">Where it comes from and what the gate measured.</param>
    /// <param name="rejected">Whether the gate refused it.</param>
    /// <param name="id">An id from <see cref="NewId"/>, so that a job that is killed and goes on adds its adapter once; null draws one.</param>
    /// <returns>Its record, with the id it was given.</returns>
    /// <exception cref="ArgumentException">A pair has another rank, magnitudes or a bias that the configuration does not ask for, or holds NaN or infinity; or the id is not one, or is taken.</exception>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, cannot be written, or the disk is full; nothing was kept.</exception>
    public AdapterRecord Add(LoraAdapter adapter, AdapterProvenance provenance, bool rejected = false, string? id = null)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(provenance);
        foreach (var pair in adapter.Pairs)
        {
            var rank = adapter.Configuration.GetRank(pair.Layer, pair.Module);
            if (pair.Rank != rank || pair.A.Concat(pair.B).Concat(pair.Magnitude ?? []).Concat(pair.Bias ?? []).Any(value => !float.IsFinite(value)))
            {
                throw new ArgumentException($"layer {pair.Layer} {pair.Module} has rank {pair.Rank}, not {rank}, or holds NaN or infinity", nameof(adapter));
            }

            if (pair.Magnitude is null == adapter.Configuration.UseDora)
            {
                throw new ArgumentException($"layer {pair.Layer} {pair.Module} has magnitudes without DoRA, or none with it", nameof(adapter));
            }

            if (pair.Bias is not null && !adapter.Configuration.TrainsBiases)
            {
                throw new ArgumentException($"layer {pair.Layer} {pair.Module} has a bias, and the configuration trains none", nameof(adapter));
            }
        }

        lock (_gate)
        {
            RequireWriter();
            if (id is not null && (!IsId(id) || File.Exists(PathOf(id))))
            {
                throw new ArgumentException("not an id of an adapter, or one that is taken", nameof(id));
            }

            var record = new AdapterRecord
            {
                Id = id ?? NewId(),
                Created = _time.GetUtcNow(),
                Status = rejected ? AdapterStatus.Rejected : AdapterStatus.Candidate,
                Configuration = adapter.Configuration,
                BaseFingerprint = adapter.BaseFingerprint,
                Provenance = provenance,
            };
            var manifest = new AdapterManifest(record, [.. adapter.Pairs.Select(pair => (pair.Layer, pair.Module, pair.InputSize, pair.OutputSize, pair.Bias is not null))]);
            SealedAdapterFile.Write(PathOf(record.Id), _box, manifest, adapter);
            return record;
        }
    }

    /// <summary>Puts an adapter in use, by one rename. The one before can be rolled back to. Nothing changes where it is in use already.</summary>
    /// <param name="id">Its id, or a beginning of it that no other adapter has.</param>
    /// <returns>Its record.</returns>
    /// <exception cref="AdapterRegistryException">There is none, or more than one.</exception>
    /// <exception cref="StoreIntegrityException">Its file, anywhere in it, or the state was changed: a damaged adapter is not promoted.</exception>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, or cannot be written.</exception>
    public AdapterRecord Promote(string id)
    {
        lock (_gate)
        {
            RequireWriter();
            var whole = Resolve(id);
            _ = SealedAdapterFile.Read(PathOf(whole), _box, whole);
            var state = ReadState().Promote(whole, _time.GetUtcNow());
            state.Write(StatePath, _box);
            return ReadRecord(whole, state);
        }
    }

    /// <summary>Goes back to the adapter that was in use before, or to the base alone where there was none. Nothing changes where the base is used already.</summary>
    /// <param name="reason">Why, for the history: figures, never a person's text. Null says nothing.</param>
    /// <returns>The record of the adapter now in use, or null for the base.</returns>
    /// <exception cref="StoreIntegrityException">The state, or the adapter gone back to, was changed.</exception>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, or cannot be written.</exception>
    public AdapterRecord? Rollback(string? reason = null)
    {
        lock (_gate)
        {
            RequireWriter();
            var before = ReadState();
            var state = before.RollBack(_time.GetUtcNow(), reason);
            var record = state.Promoted is null ? null : ReadRecord(state.Promoted, state);
            if (!ReferenceEquals(before, state))
            {
                state.Write(StatePath, _box);
            }

            return record;
        }
    }

    /// <summary>Removes an adapter for good, also one whose file is damaged.</summary>
    /// <param name="id">Its id, or a beginning of it that no other adapter has.</param>
    /// <exception cref="AdapterRegistryException">There is none, or more than one, or it is in use.</exception>
    /// <exception cref="StoreIntegrityException">The state was changed.</exception>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, or cannot be written.</exception>
    public void Remove(string id)
    {
        lock (_gate)
        {
            RequireWriter();
            var whole = Resolve(id);
            var state = ReadState();
            if (string.Equals(state.Promoted, whole, StringComparison.Ordinal))
            {
                throw new AdapterRegistryException(AdapterRegistryError.Promoted, whole);
            }

            // The state first: it must never lead back to a file that is gone.
            state.Forget(whole).Write(StatePath, _box);
            DurableFile.Delete(PathOf(whole));
        }
    }

    /// <summary>Compares two adapters map by map.</summary>
    /// <param name="left">The id of one, or its beginning.</param>
    /// <param name="right">The id of the other, or its beginning.</param>
    /// <returns>One entry a linear map that either adapts.</returns>
    /// <exception cref="AdapterRegistryException">One is not there, or its id is ambiguous.</exception>
    /// <exception cref="StoreIntegrityException">A file was changed.</exception>
    public IReadOnlyList<ModuleDifference> Diff(string left, string right) => AdapterDifference.Compare(Load(left), Load(right));

    /// <summary>Clears the key; the profile does it.</summary>
    public void Dispose() => _box.Dispose();

    private static bool IsId(string name) => name.Length == IdLength && name.All(char.IsAsciiHexDigitLower);

    private string PathOf(string id) => Path.Combine(_directory, id + SealedAdapterFile.Extension);

    private IEnumerable<string> Ids()
    {
        try
        {
            return [.. Directory.EnumerateFiles(_directory, "*" + SealedAdapterFile.Extension).Select(Path.GetFileNameWithoutExtension).OfType<string>().Where(IsId)];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FileSystemFaults.Translate(_directory, exception, writing: false);
        }
    }

    private string Resolve(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        var found = Ids().Where(candidate => candidate.StartsWith(id, StringComparison.OrdinalIgnoreCase)).Take(2).ToList();
        return found.Count switch
        {
            1 => found[0],
            0 => throw new AdapterRegistryException(AdapterRegistryError.NotFound, id),
            _ => throw new AdapterRegistryException(AdapterRegistryError.Ambiguous, id),
        };
    }

    private RegistryState ReadState()
    {
        lock (_gate)
        {
            return RegistryState.Read(StatePath, _box);
        }
    }

    private AdapterRecord ReadRecord(string id, RegistryState state)
    {
        var record = SealedAdapterFile.ReadManifest(PathOf(id), _box, id).Record;
        var status = string.Equals(state.Promoted, id, StringComparison.Ordinal) ? AdapterStatus.Promoted
            : state.WasPromoted(id) ? AdapterStatus.Retired
            : record.Status;
        return record with { Status = status };
    }

    private void RequireWriter()
    {
        if (!_writer)
        {
            throw new ProfileAccessException(ProfileAccessError.OpenedForReading, _directory);
        }
    }
}
