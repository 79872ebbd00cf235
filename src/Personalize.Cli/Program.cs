using System.Text;
using Personalize.Cli.Hosting;

var isUnicode = TerminalEncoding.IsUnicode(Environment.GetEnvironmentVariable);

// Pipes carry UTF-8 everywhere; a terminal that cannot show it gets what it can.
Console.OutputEncoding = isUnicode || Console.IsOutputRedirected ? new UTF8Encoding(encoderShouldEmitUTF8Identifier: false) : Encoding.ASCII;
using var interruption = new Interruption();
return await new CommandHost(ConsoleStreams.OfProcess(isUnicode), TimeProvider.System).RunAsync(args, interruption.Token);
