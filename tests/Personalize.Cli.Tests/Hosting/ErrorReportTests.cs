using Personalize.Cli.Hosting;
using Personalize.Cli.Models.Pull;
using Personalize.Core.Errors;

namespace Personalize.Cli.Tests.Hosting;

public class ErrorReportTests
{
    public static TheoryData<Exception, int> Codes => new()
    {
        { new UsageException("x"), ExitCode.Usage },
        { new ContextLengthException(10, 5), ExitCode.Usage },
        { new InvalidInteractionException(InteractionProblem.EmptyText), ExitCode.Usage },
        { new InvalidInteractionException(InteractionProblem.EmptyText, 3), ExitCode.BadFile },
        { new ConsentRequiredException("app"), ExitCode.Refused },
        { new StoreKeyException(StoreKeyError.WrongKey, "x"), ExitCode.KeyOrStore },
        { new StoreIntegrityException(StoreIntegrityError.NotAuthentic, "p", "x"), ExitCode.KeyOrStore },
        { new ProfileAccessException(ProfileAccessError.NotFound, "p"), ExitCode.BadFile },
        { new ProfileAccessException(ProfileAccessError.NotWritable, "p"), ExitCode.Failed },
        { new ProfileLockedException("p"), ExitCode.Failed },
        { new ProfileVersionException("p", 2, 1), ExitCode.BadFile },
        { new MissingModelException("x"), ExitCode.BadFile },
        { new InputFileException("p", "x"), ExitCode.BadFile },
        { new ModelFormatException(ModelFormatError.BadMagic, "p", "x"), ExitCode.BadFile },
        { new UnsupportedModelException("a", "b", ["c"]), ExitCode.BadFile },
        { new TokenizerException("a", 1, "b"), ExitCode.BadFile },
        { new ChatTemplateException(default, 1, 1, "x"), ExitCode.BadFile },
        { new AdapterMismatchException("a", "b"), ExitCode.BadFile },
        { new TensorShapeException("a", [1], [2]), ExitCode.BadFile },
        { new NonFiniteLogitsException(1), ExitCode.BadFile },
        { new DownloadException(DownloadError.NotReachable, "x"), ExitCode.Failed },
        { new DownloadException(DownloadError.NoRoom, "x"), ExitCode.Failed },
        { new DownloadException(DownloadError.WrongBytes, "x"), ExitCode.BadFile },
        { new DownloadException(DownloadError.NotAModel, "x"), ExitCode.BadFile },
        { new OutputFileException("p", new IOException()), ExitCode.Failed },
        { new OperationCanceledException(), ExitCode.Failed },
        { new InsufficientMemoryException(), ExitCode.Failed },
        { new InvalidOperationException("x"), ExitCode.Failed },
    };

    [Theory]
    [MemberData(nameof(Codes))]
    public void Every_error_has_its_exit_code_and_one_line(Exception exception, int exitCode)
    {
        var report = ErrorReport.Of(exception);

        Assert.Equal(exitCode, report.ExitCode);
        Assert.DoesNotContain('\n', report.Line);
        Assert.NotEmpty(report.Line);
    }

    [Fact]
    public void Control_characters_of_a_path_do_not_reach_the_terminal() =>
        Assert.Equal("a b c: x", ErrorReport.Of(new InputFileException("a\nb\u001b c", "x")).Line.Replace("  ", " ", StringComparison.Ordinal));
}
