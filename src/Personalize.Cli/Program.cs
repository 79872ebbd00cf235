using System.Text;
using Personalize.Cli.Hosting;

Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
using var interruption = new Interruption();
return await new CommandHost(ConsoleStreams.OfProcess(), TimeProvider.System).RunAsync(args, interruption.Token);
