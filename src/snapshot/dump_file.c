#include "snapshot/dump_file.h"

#include "snapshot/dump_reader.h"

int
dump_file_read(int directory_fd, const char *file_name, dump_key_fn *visit, void *context, struct dump_info *ret_info,
               struct dump_fault *ret_fault)
{
	struct dump_reader reader;
	int r = dump_reader_open(&reader, directory_fd, file_name, ret_fault);

	if (r != DUMP_OK)
		return r;
	r = dump_reader_run(&reader, visit, context, ret_info);
	dump_reader_close(&reader);
	return r;
}

int
dump_bytes_read(const void *data, size_t bytes, const char *file_name, dump_key_fn *visit, void *context,
                struct dump_info *ret_info, struct dump_fault *ret_fault)
{
	const struct dump_reader reader = {
		.fd = -1,
		.memory = data,
		.bytes = bytes,
		.file_name = file_name,
		.fault = ret_fault,
	};

	return dump_reader_run(&reader, visit, context, ret_info);
}

int
dump_file_info(int directory_fd, const char *file_name, struct dump_info *ret_info)
{
	struct dump_reader reader;
	int r = dump_reader_open(&reader, directory_fd, file_name, NULL);

	if (r != DUMP_OK)
		return r;
	r = dump_reader_info(&reader, ret_info);
	dump_reader_close(&reader);
	return r;
}
