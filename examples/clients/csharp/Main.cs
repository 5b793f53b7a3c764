// Prints the id of a key: mono NextId.exe COUNTER KEY, after
// mcs -r:System.Net.Http -out:NextId.exe NextId.cs Main.cs
using System;

static class Program
{
    static void Main(string[] words)
    {
        Console.WriteLine(NextId.Of(words[0], words[1]).GetAwaiter().GetResult());
    }
}
